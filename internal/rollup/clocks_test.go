package rollup

import (
	"slices"
	"testing"
	"time"
)

func TestReviewsOfAStayFollowEachOther(t *testing.T) {
	decided := time.Unix(500, 0)
	first := clock{ID: "review.awaiting_committee", From: 100, Due: 900}
	done := clock{ID: first.ID, From: 100, Due: 900, Done: 500}
	second := clock{ID: "review.cwc_order", From: 500, Due: 2000}
	for name, c := range map[string]struct {
		before  []clock
		runs    *clock
		decided time.Time
		ended   time.Time
		want    []clock
	}{
		"the first begins with the arrival":                             {nil, &first, time.Time{}, time.Time{}, []clock{first}},
		"it runs on while nothing is decided":                           {[]clock{first}, &first, time.Time{}, time.Time{}, []clock{first}},
		"a decision that sets the next has done it":                     {[]clock{first}, &second, decided, time.Time{}, []clock{done, second}},
		"a decision without a ground leaves it":                         {[]clock{first}, &first, decided, time.Time{}, []clock{first}},
		"a decision later still does not do it again":                   {[]clock{done, second}, &second, decided.Add(time.Hour), time.Time{}, []clock{done, second}},
		"taken back, the decision leaves it running":                    {[]clock{done, second}, &first, time.Time{}, time.Time{}, []clock{first}},
		"a stay that ends keeps what was done and not what runs":        {[]clock{done, second}, nil, decided, time.Time{}, []clock{done}},
		"a review that ran out undecided before the stay ended is kept": {[]clock{done, second}, nil, decided, time.Unix(2001, 0), []clock{done, second}},
		"one that had time left when the stay ended is not":             {[]clock{done, second}, nil, decided, time.Unix(1999, 0), []clock{done}},
		"an arrival that is taken back leaves nothing":                  {[]clock{first}, nil, time.Time{}, time.Time{}, nil},
		"a stay begun again ends no review that was broken before":      {[]clock{first}, &clock{ID: first.ID, From: 1500, Due: 2400}, time.Unix(50, 0), time.Time{}, []clock{first, {ID: first.ID, From: 1500, Due: 2400}}},
		"a ground that begins by itself was not decided":                {[]clock{first}, &clock{ID: "review.voluntary", From: 600, Due: 2400}, time.Unix(50, 0), time.Time{}, []clock{{ID: "review.voluntary", From: 600, Due: 2400}}},
		"an arrival at another time, undecided, replaces the first":     {[]clock{first}, &clock{ID: first.ID, From: 200, Due: 1000}, time.Time{}, time.Time{}, []clock{{ID: first.ID, From: 200, Due: 1000}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := follow(c.before, c.runs, c.decided, c.ended); !slices.Equal(got, c.want) {
				t.Errorf("%+v", got)
			}
		})
	}
}
