package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
	"sluice/money/calendar"
)

func arcs(t testing.TB, texts ...string) []calendar.Arc {
	t.Helper()
	var all []calendar.Arc
	for _, s := range texts {
		a, err := calendar.ParseArcs(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a...)
	}
	return all
}

func dates(t testing.TB, texts ...string) []calendar.Date {
	t.Helper()
	var all []calendar.Date
	for _, s := range texts {
		d, err := calendar.ParseDates(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d...)
	}
	return all
}

func workdays(t testing.TB, texts ...string) []calendar.Workday {
	t.Helper()
	var all []calendar.Workday
	for _, s := range texts {
		w, err := calendar.ParseWorkday(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, w)
	}
	return all
}

func calendarOf(t testing.TB, versions ...calendar.Version) *calendar.Calendar {
	t.Helper()
	c, err := calendar.New("test", versions...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// office is the hours of an office in China in autumn 2026, with the holidays
// and the make-up workdays that the State Council announced.
func office(t testing.TB) *calendar.Calendar {
	return calendarOf(t, calendar.Version{
		Zone: "Asia/Shanghai", Arcs: arcs(t, "Mon-Fri 09:00-12:00 14:00-18:00"),
		Holidays: dates(t, "2026-09-25..2026-09-27", "2026-10-01..2026-10-07"),
		Workdays: workdays(t, "2026-09-20 as Tue", "2026-10-10 as Mon"),
	})
}

// everyHour compares a calendar over days of UTC with the hours, counted from
// the first, in which it holds. Each hour is tried at its first instant, in the
// middle and at its last nanosecond.
func everyHour(t *testing.T, c *calendar.Calendar, from time.Time, days int, holds map[int]bool) {
	t.Helper()
	for hour := range days * 24 {
		for _, after := range []time.Duration{0, 30 * time.Minute, time.Hour - 1} {
			u := from.Add(time.Duration(hour)*time.Hour + after)
			if got := c.Contains(u); got != holds[hour] {
				t.Errorf("at %s: %t, want %t", u, got, holds[hour])
			}
		}
	}
}

// hours marks hours of days, counted from the first day of a table.
func hours(holds map[int]bool, days []int, ofDay ...int) map[int]bool {
	for _, d := range days {
		for _, h := range ofDay {
			holds[d*24+h] = true
		}
	}
	return holds
}

// TestGoldenWeek goes through 2026-09-18 to 2026-10-12. Nine to noon and two to
// six in Beijing are 01:00-04:00 and 06:00-10:00 in UTC, on the same date.
func TestGoldenWeek(t *testing.T) {
	worked := []int{
		0,          // Friday 09-18
		2,          // Sunday 09-20, a make-up workday
		3, 4, 5, 6, // 09-21 to Thursday 09-24; 09-25 is a holiday
		10, 11, 12, // 09-28 to Wednesday 09-30
		20, 21, 22, 24, // 10-08, 10-09, Saturday 10-10 for Monday, Monday 10-12
	}
	everyHour(t, office(t), at("2026-09-18T00:00:00Z"), 25, hours(map[int]bool{}, worked, 1, 2, 3, 6, 7, 8, 9))
}

// TestWorkdayAs: a make-up workday takes the arcs of the weekday it stands for.
func TestWorkdayAs(t *testing.T) {
	c := calendarOf(t, calendar.Version{
		Zone: "Asia/Shanghai", Arcs: arcs(t, "Mon 09:00-10:00", "Fri 15:00-16:00"),
		Workdays: workdays(t, "2026-10-10 as Fri", "2026-10-12 as Sun"),
	})
	everyHour(t, c, at("2026-10-09T00:00:00Z"), 4, hours(map[int]bool{}, []int{0, 1}, 7))
}

// TestNightWindow is a window of the year 2025 across midnight in UTC, which
// began on one day and ended on another.
func TestNightWindow(t *testing.T) {
	c := calendarOf(t,
		calendar.Version{From: at("2025-02-26T00:00:00Z"), Zone: "UTC", Arcs: arcs(t, "Mon-Sun 16:30-00:30")},
		calendar.Version{From: at("2025-09-05T16:00:00Z"), Zone: "UTC"})
	for s, want := range map[string]bool{
		"2025-02-25T17:00:00Z":           false, // not yet
		"2025-02-26T00:00:00Z":           true,  // the rest of a night
		"2025-02-26T00:29:59.999999999Z": true,
		"2025-02-26T00:30:00Z":           false,
		"2025-02-26T16:29:59.999999999Z": false,
		"2025-02-26T16:30:00Z":           true,
		"2025-02-28T23:59:59.999999999Z": true,
		"2025-03-01T00:00:00Z":           true,
		"2025-03-02T23:59:59.999999999Z": true, // Sunday into Monday
		"2025-03-03T00:29:59.999999999Z": true,
		"2025-03-03T00:30:00Z":           false,
		"2025-06-01T08:15:00+08:00":      true, // 00:15 in UTC
		"2025-06-01T08:30:00+08:00":      false,
		"2025-09-05T15:59:59.999999999Z": false,
		"2025-09-05T16:30:00Z":           false, // no more
		"2026-01-01T17:00:00Z":           false,
	} {
		if got := c.Contains(at(s)); got != want {
			t.Errorf("%s: %t, want %t", s, got, want)
		}
	}
	for from, want := range map[string]string{
		"2025-01-01T00:00:00Z":           "2025-02-26T00:00:00Z",
		"2025-02-26T00:00:00Z":           "2025-02-26T00:30:00Z",
		"2025-02-26T00:29:59.999999999Z": "2025-02-26T00:30:00Z",
		"2025-02-26T00:30:00Z":           "2025-02-26T16:30:00Z",
		"2025-02-26T20:00:00Z":           "2025-02-27T00:30:00Z",
		"2025-09-05T00:30:00Z":           "", // it ends before the evening
	} {
		next, ok := c.Next(at(from))
		if ok != (want != "") || (ok && !next.Equal(at(want))) {
			t.Errorf("after %s: %s, %t; want %q", from, next, ok, want)
		}
	}
}

// TestClocksChange goes through the hours around changes of the clocks, worked
// out in UTC by hand. The fortnights have 14 × 24 hours of UTC each.
func TestClocksChange(t *testing.T) {
	all := func(from, to int) (days []int) {
		for d := from; d < to; d++ {
			days = append(days, d)
		}
		return days
	}
	for _, c := range []struct {
		name, zone, arc, from string
		before, after         []int // hours of UTC, up to the day of the change and from the next
		change                int   // the day
		onDay                 []int // hours of UTC on it
	}{
		// Paris, 2026-10-25 01:00 UTC: 03:00 becomes 02:00. The hour from two to
		// three is there twice.
		{"doubled", "Europe/Paris", "Mon-Sun 02:00-03:00", "2026-10-18T00:00:00Z", []int{0}, []int{1}, 7, []int{0, 1}},
		{"around doubled", "Europe/Paris", "Mon-Sun 01:00-04:00", "2026-10-18T00:00:00Z", []int{0, 1, 23}, []int{0, 1, 2}, 7, []int{0, 1, 2}},
		// Paris, 2026-03-29 01:00 UTC: 02:00 becomes 03:00.
		{"skipped", "Europe/Paris", "Mon-Sun 02:00-03:00", "2026-03-22T00:00:00Z", []int{1}, []int{0}, 7, nil},
		{"around skipped", "Europe/Paris", "Mon-Sun 01:00-04:00", "2026-03-22T00:00:00Z", []int{0, 1, 2}, []int{0, 1, 23}, 7, []int{0, 1, 23}},
		// New York, 2026-11-01 06:00 UTC: 02:00 becomes 01:00.
		{"doubled", "America/New_York", "Mon-Sun 01:00-02:00", "2026-10-25T00:00:00Z", []int{5}, []int{6}, 7, []int{5, 6}},
		// New York, 2026-03-08 07:00 UTC: 02:00 becomes 03:00.
		{"skipped", "America/New_York", "Mon-Sun 02:00-03:00", "2026-03-01T00:00:00Z", []int{7}, []int{6}, 7, nil},
		{"office", "America/New_York", "Mon-Sun 09:00-11:00", "2026-03-01T00:00:00Z", []int{14, 15}, []int{13, 14}, 7, []int{13, 14}},
	} {
		t.Run(c.zone+" "+c.name, func(t *testing.T) {
			holds := hours(map[int]bool{}, all(0, c.change), c.before...)
			hours(holds, []int{c.change}, c.onDay...)
			hours(holds, all(c.change+1, 14), c.after...)
			everyHour(t, calendarOf(t, calendar.Version{Zone: c.zone, Arcs: arcs(t, c.arc)}), at(c.from), 14, holds)
		})
	}
}

// TestEdges tries an arc at the minute and the nanosecond.
func TestEdges(t *testing.T) {
	c := office(t)
	for s, want := range map[string]bool{
		"2026-09-30T08:59:59.999999999+08:00": false,
		"2026-09-30T09:00:00+08:00":           true,
		"2026-09-30T11:59:59.999999999+08:00": true,
		"2026-09-30T12:00:00+08:00":           false,
		"2026-09-30T13:59:59.999999999+08:00": false,
		"2026-09-30T14:00:00+08:00":           true,
		"2026-09-30T17:59:59.999999999+08:00": true,
		"2026-09-30T18:00:00+08:00":           false,
		"2026-10-01T09:00:00+08:00":           false,
		"2026-10-08T09:00:00+08:00":           true,
		"1969-12-31T09:00:00+08:00":           true, // a Wednesday
		"1969-12-31T08:59:59.999999999+08:00": false,
	} {
		if got := c.Contains(at(s)); got != want {
			t.Errorf("%s: %t, want %t", s, got, want)
		}
	}
	for from, want := range map[string]string{
		"2026-09-30T17:00:00+08:00": "2026-09-30T18:00:00+08:00",
		"2026-09-30T18:00:00+08:00": "2026-10-08T09:00:00+08:00", // over the holidays
		"2026-10-09T18:00:00+08:00": "2026-10-10T09:00:00+08:00", // the make-up workday
		"2026-10-10T18:30:00+08:00": "2026-10-12T09:00:00+08:00",
		"2026-11-20T12:00:00+08:00": "2026-11-20T14:00:00+08:00",
	} {
		if next, ok := c.Next(at(from)); !ok || !next.Equal(at(want)) {
			t.Errorf("after %s: %s, %t; want %s", from, next, ok, want)
		}
	}
	for _, v := range []calendar.Version{{Zone: "UTC"}, {Zone: "Europe/Paris", Arcs: arcs(t, "Mon-Sun 00:00-24:00")}} {
		if next, ok := calendarOf(t, v).Next(at("2026-10-09T18:00:00Z")); ok {
			t.Errorf("a calendar that never changes changes at %s", next)
		}
	}
}

func TestVersions(t *testing.T) {
	c := calendarOf(t,
		calendar.Version{From: at("2026-08-16T16:00:00Z"), Zone: "Asia/Shanghai", Arcs: arcs(t, "Mon-Sun 09:00-12:00 14:00-18:00")},
		calendar.Version{From: at("2026-08-22T16:00:00Z"), Zone: "Asia/Shanghai", Arcs: arcs(t, "Mon-Fri 09:00-12:00 14:00-18:00")})
	for s, want := range map[string]bool{
		"2026-08-14T02:00:00Z": false, // before it began
		"2026-08-17T02:00:00Z": true,
		"2026-08-22T02:00:00Z": true, // a Saturday under the first version
		"2026-08-23T02:00:00Z": false,
		"2026-08-24T02:00:00Z": true,
	} {
		if got := c.Contains(at(s)); got != want {
			t.Errorf("%s: %t, want %t", s, got, want)
		}
	}
	copied := c.Versions()
	copied[0].Arcs[0] = calendar.Arc{}
	if again := c.Versions(); again[0].Arcs[0] == (calendar.Arc{}) || len(again) != 2 || c.Name() != "test" {
		t.Error("a caller can change the calendar")
	}
}

func TestNewRefuses(t *testing.T) {
	ok := calendar.Version{Zone: "UTC", Arcs: []calendar.Arc{{0, 60}}}
	with := func(change func(v *calendar.Version)) []calendar.Version {
		v := ok
		change(&v)
		return []calendar.Version{v}
	}
	later := ok
	later.From = at("2026-01-01T00:00:00Z")
	day := dates(t, "2026-10-01")
	for _, c := range []struct {
		name, calendar string
		versions       []calendar.Version
		reason         string
	}{
		{"no version", "c", nil, "says nothing"},
		{"no name", "", []calendar.Version{ok}, "name"},
		{"a name with a space", "peak hours", []calendar.Version{ok}, "name"},
		{"a name in capitals", "Peak", []calendar.Version{ok}, "name"},
		{"an unknown timezone", "c", with(func(v *calendar.Version) { v.Zone = "Asia/Beijing" }), `unknown timezone "Asia/Beijing"`},
		{"no timezone", "c", with(func(v *calendar.Version) { v.Zone = "" }), "timezone"},
		{"the machine's timezone", "c", with(func(v *calendar.Version) { v.Zone = "Local" }), "timezone"},
		{"an empty arc", "c", with(func(v *calendar.Version) { v.Arcs = []calendar.Arc{{60, 60}} }), "empty"},
		{"a reversed arc", "c", with(func(v *calendar.Version) { v.Arcs = []calendar.Arc{{60, 30}} }), "empty"},
		{"an arc before the week", "c", with(func(v *calendar.Version) { v.Arcs = []calendar.Arc{{-1, 30}} }), "leaves the week"},
		{"an arc beyond the week", "c", with(func(v *calendar.Version) { v.Arcs = []calendar.Arc{{0, 10081}} }), "leaves the week"},
		{"overlapping arcs", "c", with(func(v *calendar.Version) { v.Arcs = arcs(t, "Mon 09:00-12:00", "Mon-Tue 11:59-13:00") }), "Mon 09:00-12:00 and Mon 11:59-13:00 overlap"},
		{"the same arc twice", "c", with(func(v *calendar.Version) { v.Arcs = arcs(t, "Sun 09:00-12:00", "Sun 09:00-12:00") }), "overlap"},
		{"overlapping over midnight", "c", with(func(v *calendar.Version) { v.Arcs = arcs(t, "Sun 22:00-02:00", "Mon 01:00-03:00") }), "overlap"},
		{"a holiday twice", "c", with(func(v *calendar.Version) { v.Holidays = append(day, day...) }), "2026-10-01 is listed twice"},
		{"a workday twice", "c", with(func(v *calendar.Version) { v.Workdays = workdays(t, "2026-10-10 as Mon", "2026-10-10 as Tue") }), "twice"},
		{"a holiday that is a workday", "c", with(func(v *calendar.Version) {
			v.Holidays, v.Workdays = day, workdays(t, "2026-10-01 as Thu")
		}), "2026-10-01 is both a holiday and a workday"},
		{"a workday as no weekday", "c", with(func(v *calendar.Version) { v.Workdays = []calendar.Workday{{Date: day[0], As: 7}} }), "no weekday"},
		{"versions out of order", "c", []calendar.Version{later, ok}, "does not come after"},
		{"two versions at once", "c", []calendar.Version{later, later}, "does not come after"},
	} {
		got, err := calendar.New(c.calendar, c.versions...)
		if sluice.CodeOf(err) != sluice.CodeInvalid || got != nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestParse(t *testing.T) {
	const d = 1440
	for s, want := range map[string][]calendar.Arc{
		"Mon 09:00-12:00":             {{540, 720}},
		"Tue 00:00-24:00":             {{d, 2 * d}},
		"Sat-Mon 10:00-11:00":         {{5*d + 600, 5*d + 660}, {6*d + 600, 6*d + 660}, {600, 660}},
		"Mon,Wed 01:00-02:00":         {{60, 120}, {2*d + 60, 2*d + 120}},
		"Sun 23:00-01:00":             {{0, 60}, {6*d + 1380, 7 * d}},
		"Mon 23:00-00:00":             {{1380, d}},
		"Mon 09:00-12:00 14:00-18:00": {{540, 720}, {840, 1080}},
	} {
		got, err := calendar.ParseArcs(s)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "Mon", "09:00-12:00", "Mon-Fri", "mon 09:00-12:00", "Monday 09:00-12:00", "Mon 9:00-12:00", "Mon 09:00",
		"Mon 09:00-25:00", "Mon 09:60-12:00", "Mon 24:00-12:00", "Mon 24:01-25:00", "Mon 09:00-24:30", "Mon 09:00-09:00", "Mon 09:00-12:00-13:00",
		"Mon- 09:00-12:00", "Mon,,Tue 09:00-12:00", "Mon 09-12", "Mon -1:00-12:00", "Mon +9:00-12:00",
	} {
		if got, err := calendar.ParseArcs(s); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "2026-13-01", "2026-02-29", "2026-10-01..", "..2026-10-01", "2026-10-02..2026-10-01", "2026-10-01..2028-10-01", "01.10.2026", "2026-10-01T00:00:00Z"} {
		if got, err := calendar.ParseDates(s); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "2026-10-10", "2026-10-10 as", "2026-10-10 as Monday", "2026-10-32 as Mon", "as Mon"} {
		if got, err := calendar.ParseWorkday(s); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	if got := dates(t, "2024-02-28..2024-03-01"); len(got) != 3 || got[1].String() != "2024-02-29" {
		t.Errorf("a leap day: %v", got)
	}
}

func TestArcString(t *testing.T) {
	for want, a := range map[string]calendar.Arc{
		"Mon 00:00-24:00":     {From: 0, To: 1440},
		"Tue 09:30-12:05":     {From: 1440 + 570, To: 1440 + 725},
		"Mon 16:30-Tue 00:30": {From: 990, To: 1470},
		"Mon 00:00-Sun 24:00": {From: 0, To: calendar.MinutesPerWeek},
	} {
		if got := a.String(); got != want {
			t.Errorf("%v is written %q, want %q", [2]int{a.From, a.To}, got, want)
		}
	}
}

// TestString: whatever order a calendar is written in, its text is one.
func TestString(t *testing.T) {
	one := office(t)
	two := calendarOf(t, calendar.Version{
		Zone: "Asia/Shanghai", Arcs: arcs(t, "Fri,Thu,Wed 17:00-18:00 14:00-17:00 09:00-12:00", "Mon-Tue 14:00-18:00 09:00-12:00"),
		Holidays: dates(t, "2026-10-07", "2026-10-01..2026-10-06", "2026-09-25..2026-09-27"),
		Workdays: workdays(t, "2026-10-10 as Mon", "2026-09-20 as Tue"),
	})
	if one.String() != two.String() {
		t.Errorf("%s\n%s", one, two)
	}
	for _, want := range []string{"calendar test\n", "Asia/Shanghai", " Fri 14:00-18:00", " not 2026-10-07", " 2026-10-10 as Mon"} {
		if !strings.Contains(one.String(), want) {
			t.Errorf("%q is not in %s", want, one)
		}
	}
}

func TestOverlap(t *testing.T) {
	simple := func(zone, arc string) *calendar.Calendar {
		return calendarOf(t, calendar.Version{Zone: zone, Arcs: arcs(t, arc)})
	}
	from := at("2026-06-01T00:00:00Z")
	for _, c := range []struct {
		a, b *calendar.Calendar
		want string
	}{
		{simple("UTC", "Mon-Fri 09:00-12:00"), simple("UTC", "Mon-Sun 12:00-09:00"), ""},
		{simple("UTC", "Mon-Fri 09:00-12:00"), simple("UTC", "Fri 11:59-13:00"), "2026-06-05T11:59:00Z"},
		{simple("Asia/Shanghai", "Mon-Fri 09:00-12:00"), simple("UTC", "Mon-Fri 04:00-24:00"), ""},
		{simple("Asia/Shanghai", "Mon-Fri 09:00-12:00"), simple("UTC", "Mon-Fri 03:00-24:00"), "2026-06-01T03:00:00Z"},
		{simple("Europe/Paris", "Mon-Sun 09:00-10:00"), simple("UTC", "Mon-Sun 06:00-07:00"), ""},
		{simple("Europe/Paris", "Mon-Sun 09:00-10:00"), simple("UTC", "Mon-Sun 08:00-09:00"), "2026-10-25T08:00:00Z"}, // in winter only
		{office(t), calendarOf(t, calendar.Version{Zone: "Asia/Shanghai", Arcs: arcs(t, "Sat 10:00-11:00")}), "2026-10-10T02:00:00Z"},
		{simple("UTC", "Mon 00:00-24:00"), calendarOf(t, calendar.Version{Zone: "UTC"}), ""},
	} {
		for _, pair := range [][2]*calendar.Calendar{{c.a, c.b}, {c.b, c.a}} {
			got, ok := calendar.Overlap(pair[0], pair[1], from)
			if ok != (c.want != "") || (ok && !got.Equal(at(c.want))) {
				t.Errorf("%s%s: %s, %t; want %q", pair[0], pair[1], got, ok, c.want)
			}
		}
	}
}

// TestNextLikeContains: up to what Next says nothing changes, and there it does.
func TestNextLikeContains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v calendar.Version
		v.Zone = rapid.SampledFrom([]string{"UTC", "Asia/Shanghai", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"}).Draw(t, "zone")
		edges := rapid.SliceOfNDistinct(rapid.IntRange(0, calendar.MinutesPerWeek), 0, 8, rapid.ID).Draw(t, "edges")
		slices.Sort(edges)
		for i := 1; i < len(edges); i += 2 {
			v.Arcs = append(v.Arcs, calendar.Arc{From: edges[i-1], To: edges[i]})
		}
		start := calendar.DateOf(at("2026-03-20T00:00:00Z"))
		for _, d := range rapid.SliceOfNDistinct(rapid.Int64Range(0, 30), 0, 4, rapid.ID).Draw(t, "days") {
			if date := start + calendar.Date(d); rapid.Bool().Draw(t, "holiday") {
				v.Holidays = append(v.Holidays, date)
			} else {
				v.Workdays = append(v.Workdays, calendar.Workday{Date: date, As: time.Weekday(d % 7)})
			}
		}
		c, err := calendar.New("c", v)
		if err != nil {
			t.Fatal(err)
		}
		from := at("2026-03-20T00:00:00Z").Add(time.Duration(rapid.Int64Range(0, 40*86400).Draw(t, "from")) * time.Second)
		next, ok := c.Next(from)
		if !ok {
			next = from.Add(30 * 24 * time.Hour)
		}
		holds := c.Contains(from)
		step := max(next.Sub(from)/200, time.Minute-1)
		for u := from; u.Before(next); u = u.Add(step) {
			if c.Contains(u) != holds {
				t.Fatalf("it changes by %s, before %s", u, next)
			}
		}
		if c.Contains(next.Add(-1)) != holds || (ok && c.Contains(next) == holds) {
			t.Fatalf("it does not change at %s", next)
		}
	})
}

// TestNeverChanges: where nothing ever begins or ends, that is seen at once; a year of
// days is not gone through for it.
func TestNeverChanges(t *testing.T) {
	always := []calendar.Arc{{From: 0, To: calendar.MinutesPerWeek}}
	from := at("2026-11-22T10:20:30Z")
	for name, c := range map[string]struct {
		versions []calendar.Version
		want     string
	}{
		"always":           {[]calendar.Version{{Zone: "Europe/Paris", Arcs: always}}, ""},
		"never":            {[]calendar.Version{{Zone: "Europe/Paris"}}, ""},
		"but a holiday":    {[]calendar.Version{{Zone: "UTC", Arcs: always, Holidays: dates(t, "2027-10-01")}}, "2027-10-01T00:00:00Z"},
		"a day of work":    {[]calendar.Version{{Zone: "UTC", Holidays: dates(t, "2027-10-01"), Workdays: []calendar.Workday{{Date: dates(t, "2027-10-02")[0], As: time.Monday}}}}, ""},
		"from a day on":    {[]calendar.Version{{Zone: "UTC", Arcs: always, From: at("2027-01-02T03:04:05Z")}}, "2027-01-02T03:04:05Z"},
		"up to a day":      {[]calendar.Version{{Zone: "UTC", Arcs: always}, {Zone: "UTC", From: at("2027-01-02T03:04:05Z")}}, "2027-01-02T03:04:05Z"},
		"the same anew":    {[]calendar.Version{{Zone: "UTC", Arcs: always}, {Zone: "Asia/Tokyo", Arcs: always, From: at("2027-01-02T03:04:05Z")}}, ""},
		"what is past":     {[]calendar.Version{{Zone: "UTC"}, {Zone: "UTC", Arcs: always, From: at("2026-01-02T03:04:05Z")}}, ""},
		"but for a minute": {[]calendar.Version{{Zone: "UTC", Arcs: []calendar.Arc{{From: 0, To: 7*1440 - 1}}}}, "2026-11-22T23:59:00Z"},
	} {
		k, err := calendar.New("c", c.versions...)
		if err != nil {
			t.Fatal(err)
		}
		next, ok := k.Next(from)
		if ok != (c.want != "") || ok && !next.Equal(at(c.want)) {
			t.Errorf("%s: %s, %t, want %q", name, next, ok, c.want)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	always := []calendar.Arc{{From: 0, To: calendar.MinutesPerWeek}}
	for name, v := range map[string]calendar.Version{"never changes": {Zone: "Asia/Shanghai", Arcs: always}, "a holiday in a year": {Zone: "Asia/Shanghai", Arcs: always, Holidays: dates(b, "2027-10-01")}} {
		b.Run(name, func(b *testing.B) {
			c := calendarOf(b, v)
			u := at("2026-10-10T02:00:00Z")
			for b.Loop() {
				c.Next(u)
			}
		})
	}
}

func TestContainsAllocatesNothing(t *testing.T) {
	c, u := office(t), at("2026-10-10T02:00:00Z")
	if n := testing.AllocsPerRun(100, func() { c.Contains(u) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkContains(b *testing.B) {
	for _, zone := range []string{"Asia/Shanghai", "America/New_York"} {
		b.Run(zone, func(b *testing.B) {
			c := calendarOf(b, calendar.Version{Zone: zone, Arcs: arcs(b, "Mon-Fri 09:00-12:00 14:00-18:00"), Holidays: dates(b, "2026-09-25..2026-09-27", "2026-10-01..2026-10-07")})
			u := at("2026-10-10T02:00:00Z")
			b.ReportAllocs()
			for b.Loop() {
				c.Contains(u)
			}
		})
	}
}
