//go:build bench

package bench

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/demo"
	"panah/internal/language"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/shelter"
)

//go:embed postgis.sql
var postgisSQL string

const (
	postgisShelters = 100_000
	postgisRequests = 200
	postgisGoal     = 100 // times less CPU
	postgisTop      = 10
	ourRounds       = 20 // of all requests, since one is over too soon to measure
)

// BenchmarkPostGIS asks PostgreSQL with PostGIS and matching.Rank the same 200
// questions about the same directory, checks that they answer with the same ten
// shelters in the same order, and compares what it costs. Rank also counts, for
// every shelter in reach, which rule it fails first; the query does not. Parties
// are of one person: how a party is shared out over units is no matter for SQL.
func BenchmarkPostGIS(b *testing.B) {
	bin := postgresBin()
	if bin == "" {
		title("PostGIS: not measured, no PostgreSQL server with PostGIS on this machine (Debian: postgresql-15-postgis-3)")
		b.Skip("no PostgreSQL")
	}
	now, p := time.Now().UTC().Truncate(time.Second), rules(b)
	w := worldOf(demo.BuildOf(seed, now, postgisShelters), p.Zone)
	db := startPostgres(b, bin, func(dir string) { writeData(b, dir, w, p) })
	asks := singles(now)
	var theirs, ours [][]string
	for _, a := range asks { // once, to warm up both
		theirs, ours = append(theirs, db.top(b, a, p)), append(ours, rankTop(w, a, p))
	}
	same, answered := 0, 0
	for i := range asks {
		if slices.Equal(theirs[i], ours[i]) {
			same++
		} else {
			b.Errorf("request %d: PostGIS says %v, Rank %v", i, theirs[i], ours[i])
		}
		if len(ours[i]) > 0 {
			answered++
		}
	}
	begin, cpu := time.Now(), db.cpu(b)
	for _, a := range asks {
		db.top(b, a, p)
	}
	theirWall, theirCPU := time.Since(begin)/postgisRequests, (db.cpu(b)-cpu)/postgisRequests
	runtime.GC() // what building the directory left behind is not the requests'
	begin, cpu = time.Now(), processCPU()
	for range ourRounds {
		for _, a := range asks {
			rankTop(w, a, p)
		}
	}
	ourWall, ourCPU := time.Since(begin)/(ourRounds*postgisRequests), (processCPU()-cpu)/(ourRounds*postgisRequests)
	ratio := float64(theirCPU) / float64(ourCPU)
	title("PostGIS and matching.Rank, %d shelters, %d requests of one person, the best %d of each", postgisShelters, postgisRequests, postgisTop)
	line("same ten, same order", "%d of %d, %d of them with options", same, postgisRequests, answered)
	line("PostGIS", "CPU %.0f µs  wall %.0f µs a request (the backend process; %s)", micros(theirCPU), micros(theirWall), db.version)
	line("matching.Rank", "CPU %.1f µs  wall %.1f µs a request (the whole process, garbage collection included)", micros(ourCPU), micros(ourWall))
	line("ratio of CPU", "%.0f   goal: >= %d, %s", ratio, postgisGoal, met(ratio >= postgisGoal))
	metric(b, ratio, "times-less-CPU")
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// singles are requests of one person each, from all over the country.
func singles(now time.Time) (out []matching.Ask) {
	districts := place.Districts(demo.India)
	medical, _ := code.Needs.Parse("health_medical")
	wishes, _ := code.Features.ParseSet([]string{"woman_staff_at_night", "visits_allowed"})
	tags := []language.Tag{"bn", "hi", "ta", "mr", "te", "ur"}
	for i := range postgisRequests {
		a := matching.Ask{At: now, Request: ask{districts[i*len(districts)/postgisRequests].Code, []person{[]person{girl, boy, woman}[i%3]}}.request()}
		a.Persons[0].Languages = []language.Tag{tags[i%len(tags)]}
		if i%4 == 0 {
			a.Persons[0].Needs = code.Of(medical)
		}
		if i%5 == 0 {
			a.Preferences = wishes
		}
		out = append(out, a)
	}
	return out
}

func rankTop(w matching.World, a matching.Ask, p matching.Policy) []string {
	out := make([]string, 0, postgisTop)
	for _, o := range matching.Rank(w, a, p, postgisTop).Options {
		out = append(out, o.Candidate.ID)
	}
	return out
}

// writeData writes the rows of the directory as COPY statements.
func writeData(b *testing.B, dir string, w matching.World, p matching.Policy) {
	b.Helper()
	f, err := os.Create(filepath.Join(dir, "data.sql"))
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriter(f)
	table := func(name string, rows func(row func(values ...any))) {
		fmt.Fprintf(out, "COPY %s FROM STDIN;\n", name)
		rows(func(values ...any) {
			for i, v := range values {
				if i > 0 {
					out.WriteByte('\t')
				}
				fmt.Fprint(out, v)
			}
			out.WriteByte('\n')
		})
		fmt.Fprint(out, "\\.\n")
	}
	table("zones", func(row func(...any)) {
		for i, z := range w.Zones {
			row(i, z.Center.Country, fmt.Sprintf("SRID=4326;POINT(%.17g %.17g)", z.Center.Lon, z.Center.Lat))
		}
	})
	bases := map[string]bool{}
	table("shelters", func(row func(...any)) {
		for c := range w.All() {
			freedom := 4
			if c.HouseRules.Has(code.DoorsLockedAtNight) {
				freedom = 2
			}
			if c.Locked() {
				freedom = 0
			}
			row(c.ID, int(c.Type), c.Status == shelter.Active, c.RegisteredUntil.Unix(), uint64(c.OnSite), uint64(c.OnSite.Union(c.Arranged)),
				uint64(c.Features), freedom, c.Intake.From, c.Intake.To, max(0, c.LastOffered().Unix()))
		}
	})
	table("units", func(row func(...any)) {
		for c := range w.All() {
			for i := range c.Units {
				u := &c.Units[i]
				row(c.ID, i, c.Zone, int(u.Population), uint64(u.Ages), u.SeparateSleeping, u.Counts().Free(), u.Counts().Staffed(), u.ConfirmedAt.Unix())
			}
		}
	})
	table("spoken", func(row func(...any)) {
		for c := range w.All() {
			for _, l := range c.Languages {
				bases[l.Tag.Base()] = true
				row(c.ID, l.Tag.Base(), l.Via == code.ViaStaff)
			}
		}
	})
	for _, a := range singles(time.Time{}) {
		bases[a.Persons[0].Languages[0].Base()] = true
	}
	table("serves", func(row func(...any)) {
		worth := map[language.Match]int{language.Exact: 8, language.Macrolanguage: 6, language.Intelligible: 5}
		for s := range bases {
			for person := range bases {
				if n := worth[language.Serves(language.Tag(s), language.Tag(person))]; n > 0 {
					row(s, person, n)
				}
			}
		}
	})
	table("lawful", func(row func(...any)) {
		for kind, law := range p.Lawful {
			row(int(kind), uint64(law.Ages))
		}
	})
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// database is a running server and one session with it.
type database struct {
	in      io.Writer
	out     *bufio.Scanner
	backend int
	version string
}

// postgresBin is the folder of the newest server on this machine that has PostGIS.
func postgresBin() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	for _, at := range slices.Backward(found) {
		version := filepath.Base(filepath.Dir(filepath.Dir(at)))
		if ok, _ := filepath.Glob("/usr/share/postgresql/" + version + "/extension/postgis.control"); len(ok) > 0 {
			return filepath.Dir(at)
		}
	}
	return ""
}

// startPostgres starts a server of its own in a temporary folder, as the user
// postgres when this is root, fills it and prepares the query. It ends with b.
func startPostgres(b *testing.B, bin string, fill func(dir string)) *database {
	b.Helper()
	dir, err := os.MkdirTemp("", "panah-postgis-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	fill(dir)
	as := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			b.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		for _, at := range []string{dir, filepath.Join(dir, "data.sql")} {
			if err := os.Chown(at, uid, gid); err != nil {
				b.Fatal(err)
			}
		}
	}
	command := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(bin, name), args...)
		c.Dir, c.SysProcAttr, c.Env = dir, as, append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir)
		return c
	}
	data := filepath.Join(dir, "data")
	if said, err := command("initdb", "-D", data, "-A", "trust", "-U", "bench", "-E", "UTF8").CombinedOutput(); err != nil {
		b.Fatalf("initdb: %v\n%s", err, said)
	}
	server := command("postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "shared_buffers=512MB", "-c", "work_mem=64MB",
		"-c", "fsync=off", "-c", "random_page_cost=1.1", "-c", "max_wal_size=4GB")
	said, _ := os.Create(filepath.Join(dir, "server.log"))
	server.Stderr = said
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGINT) // fast shutdown
		_ = server.Wait()
		_ = said.Close()
	})
	ready := command("pg_isready", "-h", dir, "-t", "1")
	for range 100 {
		if ready.Run() == nil {
			return session(b, command("psql", "-h", dir, "-U", "bench", "-d", "postgres", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"))
		}
		time.Sleep(100 * time.Millisecond)
		ready = command("pg_isready", "-h", dir, "-t", "1")
	}
	b.Fatal("the server does not answer")
	return nil
}

func session(b *testing.B, psql *exec.Cmd) *database {
	b.Helper()
	in, err := psql.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := psql.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	psql.Stderr = os.Stderr
	if err := psql.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = psql.Wait()
	})
	db := &database{in: in, out: bufio.NewScanner(out)}
	db.ask(b, postgisSQL)
	db.backend, _ = strconv.Atoi(db.ask(b, "SELECT pg_backend_pid();")[0])
	db.version = db.ask(b, "SELECT 'PostgreSQL ' || current_setting('server_version_num') || ', PostGIS ' || postgis_lib_version();")[0]
	return db
}

// ask sends a statement and reads its rows.
func (db *database) ask(b *testing.B, sql string) (rows []string) {
	b.Helper()
	if _, err := io.WriteString(db.in, sql+"\n\\echo --done\n"); err != nil {
		b.Fatal(err)
	}
	for db.out.Scan() {
		if db.out.Text() == "--done" {
			return rows
		}
		rows = append(rows, db.out.Text())
	}
	b.Fatal("psql has ended")
	return nil
}

func (db *database) top(b *testing.B, a matching.Ask, p matching.Policy) []string {
	b.Helper()
	here, _ := place.Lookup(a.Place)
	person := a.Persons[0]
	var tags []string
	for _, t := range person.Languages {
		tags = append(tags, t.Base())
	}
	rows := db.ask(b, fmt.Sprintf("EXECUTE top (%d, '%s', %.17g, %.17g, %d, %d, %d, %t, %d, %d, '{%s}', %d);", a.At.Unix(), here.Country, here.Lon, here.Lat,
		p.Journey[a.Urgency], person.PlaceWith, 1<<presumed(person), !person.Child(), uint64(person.Needs), uint64(a.Preferences), strings.Join(tags, ","),
		p.Country[here.Country].UTCOffset))
	return append([]string{}, rows...)
}

func presumed(p placement.Person) code.AgeBand { return p.PresumedAge() }

// cpu is the processor time the session's backend has used.
func (db *database) cpu(b *testing.B) time.Duration {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", db.backend))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	const tick = 10 * time.Millisecond // USER_HZ is 100 wherever Go runs on Linux
	return time.Duration(user+system) * tick
}
