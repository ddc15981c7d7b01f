// Package language knows languages by their BCP 47 tags, and which language of
// a member of staff serves a person who speaks another.
//
// Who understands whom is a table (data/serves.csv), never a computed guess: the
// usual matchers choose a language to print, and would give a Sindhi or Khmer
// speaker staff who speak English. What the table does not list is None. It has
// not been checked by a linguist; data/SOURCES.md says what each row rests on.
//
// The table is about speech, so script and region play no part: Punjabi is
// Punjabi in either script, Bengali is Bengali in either country. It is about
// understanding, not schooling: a person who also knows a second language is
// asked for it and has both listed.
package language

import (
	"strings"

	"golang.org/x/text/language"

	"panah/internal/fault"
)

// Tag is a language in canonical BCP 47 form: "bn", "bn-BD", "ins". Make one
// with Parse; the zero Tag is no language and serves nobody.
type Tag string

// maxLength is the longest tag read, as RFC 5646 section 4.4.1 asks of those
// who set a limit.
const maxLength = 35

// canon replaces deprecated codes (iw becomes he) and drops scripts that go
// without saying. It keeps a language apart from its macrolanguage.
const canon = language.Default | language.SuppressScript

// Parse checks a tag and brings it into canonical form. Extensions say nothing
// about speech and are dropped.
//
// It refuses, as fault.Invalid and in words that never repeat what was sent:
// what is not a registered language, what names none or a family of them (und,
// mul, sgn), private use, and more than 35 bytes.
func Parse(s string) (Tag, error) {
	if s == "" || len(s) > maxLength {
		return "", errTag()
	}
	t, err := language.Parse(s)
	if err != nil {
		return "", errTag()
	}
	if t, err = canon.Canonicalize(t); err != nil {
		return "", errTag()
	}
	tag, ok := render(t)
	if !ok {
		return "", errTag()
	}
	return tag, nil
}

func errTag() *fault.Fault {
	return fault.New(fault.Invalid, "not the tag of a language (BCP 47, such as bn or bn-BD)")
}

// render writes a tag without extensions; ok is false for private use and for
// codes that name no single language.
func render(t language.Tag) (tag Tag, ok bool) {
	if _, private := t.Extension('x'); private {
		return "", false
	}
	base, script, region := t.Raw()
	b := base.String()
	if noLanguage(b) || privateScript(script.String()) || privateRegion(region.String()) {
		return "", false
	}
	parts := []string{b}
	if s := script.String(); s != "Zzzz" {
		parts = append(parts, s)
	}
	if r := region.String(); r != "ZZ" {
		parts = append(parts, r)
	}
	for _, v := range t.Variants() {
		parts = append(parts, v.String())
	}
	return Tag(strings.Join(parts, "-")), true
}

// Base is the tag's ISO 639 code: the shortest, so "bn" and not "ben".
func (t Tag) Base() string {
	base, _, _ := strings.Cut(string(t), "-")
	return base
}

// Signed reports whether t is a sign language. No sign language serves a
// spoken one, nor one sign language another.
func (t Tag) Signed() bool { return listed(signed, t.Base()) }

// collections are the codes of ISO 639-2 and 639-5 that stand for many
// languages or for none, and bh, which stood for several of Bihar.
const collections = " und mul mis zxx root sgn bh afa alg alv apa aqa aql art ath aus awd azc bad bai bat ber" +
	" bih bnt btk cai cau cba ccn ccs cdc cdd cel cmc cpe cpf cpp crp csu cus day dmn dra egx esx euq" +
	" fiu fox gem gme gmq gmw grk hmx hok hyx iir ijo inc ine ira iro itc jpx kar kdo khi kro map" +
	" mkh mno mun myn nah nai ngf nic nub omq omv oto paa phi plf poz pqe pqw pra qwe roa sai sal sdv" +
	" sem sio sit sla smi son sqj ssa syd tai tbq trk tup tut tuw urj wak wen xgn xnd ypk zhx zle zls" +
	" zlw znd "

// signed are the sign languages of ISO 639-3, International Sign among them.
// South Asia's are ins (India), nsp (Nepal) and pks (Pakistan); Bangladesh's
// has no code.
const signed = " ads aed aen afg ajs ase asp asq asw bfi bfk bog bqn bqy bvl bzs cds csc csd cse csf csg csl csn" +
	" csq csr csx doq dse dsl dsz ecs ehs esl esn eso eth fcs fse fsl fss gds gse gsg gsm gss gus hab" +
	" haf hds hks hos hps hsh hsl icl iks ils inl ins ise isg isr jcs jhs jks jls jos jsl jus kgi kvk" +
	" lbs lgs lls lsb lsc lsl lsn lso lsp lst lsv lsw lsy lws mdl mfs mre msd msr mzc mzg mzy nbs ncs" +
	" nsi nsl nsp nsr nzs okl pgz pks prl prz psc psd psg psl pso psp psr pys rib rms rnb rsl rsm rsn" +
	" sdl sfb sfs sgg sgx slf sls sqk sqs sqx ssp ssr svk swl syy szs tse tsm tsq tss tsy tza ugn ugy" +
	" ukl uks vgt vsi vsl vsv wbs xki xml xms ygs yhs ysl ysm zib zsl "

// listed looks a code up in a list of codes with a space on either side of each.
func listed(list, code string) bool { return code != "" && strings.Contains(list, " "+code+" ") }

// noLanguage reports whether a code names no single language; qaa to qtz are
// private use.
func noLanguage(base string) bool {
	private := len(base) == 3 && base >= "qaa" && base <= "qtz"
	return private || listed(collections, base)
}

// privateScript covers Qaaa to Qabx.
func privateScript(s string) bool { return strings.HasPrefix(s, "Qaa") || strings.HasPrefix(s, "Qab") }

// privateRegion covers AA, QM to QZ and XA to XZ except XK, which all use for
// Kosovo. ZZ is left to render: it is how no region is written.
func privateRegion(r string) bool {
	if len(r) != 2 || r == "XK" {
		return false
	}
	return r == "AA" || r[0] == 'X' || r[0] == 'Q' && r[1] >= 'M'
}
