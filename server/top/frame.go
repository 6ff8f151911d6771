package top

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gokeeper/server/survey"
)

// Frame draws what happened between two samples of the same servers, in lines of at most
// width characters and at most height of them; 0 is any number.
func Frame(before, now Sample, width, height int) []string {
	f := frame{before: before, now: now, seconds: now.Taken.Sub(before.Taken).Seconds()}
	f.line("gokeeper top  %s", now.Taken.UTC().Format(time.DateTime))
	f.line("")
	f.members()
	f.traffic()
	f.clients()
	f.paths()
	f.missing()
	if height > 0 && len(f.lines) > height {
		f.lines = f.lines[:height]
	}
	for i, l := range f.lines {
		if r := []rune(l); width > 0 && len(r) > width {
			f.lines[i] = string(r[:width])
		}
	}
	return f.lines
}

type frame struct {
	before, now Sample
	seconds     float64
	lines       []string
}

func (f *frame) line(format string, a ...any) {
	f.lines = append(f.lines, strings.TrimRight(fmt.Sprintf(format, a...), " "))
}

// rate returns how much a counter has grown in a second; one that shrank was reset.
func (f *frame) rate(now, before float64) float64 {
	if f.seconds <= 0 || now < before {
		return 0
	}
	return (now - before) / f.seconds
}

func (f *frame) members() {
	var newest uint64
	for _, s := range f.now.Servers {
		newest = max(newest, s.Summary.Zxid)
	}
	f.line("%-20s %-10s %-14s %8s %9s %7s %6s", "SERVER", "MODE", "ZXID", "LAG", "NODES", "CLIENTS", "QUEUED")
	for _, s := range f.now.Servers {
		if s.Err != nil {
			f.line("%-20s %v", s.Address, s.Err)
			continue
		}
		lag := fmt.Sprint(survey.Lag(s.Summary.Zxid, newest))
		if lag == "-1" {
			lag = "an epoch"
		}
		f.line("%-20s %-10s %-14s %8s %9d %7d %6d", s.Address, s.Summary.Mode, fmt.Sprintf("0x%x", s.Summary.Zxid), lag,
			s.Summary.Nodes, s.Summary.Connections, s.Summary.Outstanding)
	}
}

// traffic shows rates, and mean latencies of what ended between the samples.
func (f *frame) traffic() {
	f.line("")
	f.line("%-20s %7s %7s %8s %8s %8s %8s %6s", "SERVER", "IN/s", "OUT/s", "READS/s", "WRITES/s", "READ ms", "WRITE ms", "MAX ms")
	for i, s := range f.now.Servers {
		if s.Err != nil {
			continue
		}
		b := f.before.Servers[i]
		reads, readTime := f.requests(s.Values, b.Values, "readlatency")
		writes, writeTime := f.requests(s.Values, b.Values, "updatelatency")
		f.line("%-20s %7.0f %7.0f %8s %8s %8s %8s %6.0f", s.Address,
			f.rate(float64(s.Summary.Received), float64(b.Summary.Received)), f.rate(float64(s.Summary.Sent), float64(b.Summary.Sent)),
			reads, writes, readTime, writeTime, s.Summary.MaxLatency)
	}
}

// requests returns the rate and the mean latency of a summary of mntr.
func (f *frame) requests(now, before map[string]float64, name string) (rate, latency string) {
	count, ok := now["cnt_"+name]
	if !ok {
		return "-", "-"
	}
	n := count - before["cnt_"+name]
	rate, latency = fmt.Sprintf("%.1f", f.rate(count, before["cnt_"+name])), "-"
	if n > 0 {
		latency = fmt.Sprintf("%.2f", (now["sum_"+name]-before["sum_"+name])/n)
	}
	return rate, latency
}

// shown is how many clients and paths are listed.
const shown = 10

// ranked is a line with what it is sorted by.
type ranked struct {
	rate float64
	text string
}

// list shows the busiest.
func (f *frame) list(title string, all []ranked) {
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Or(cmp.Compare(b.rate, a.rate), cmp.Compare(a.text, b.text)) })
	f.line("")
	f.line("%s", title)
	for _, r := range all[:min(len(all), shown)] {
		f.line("%s", r.text)
	}
}

func (f *frame) clients() {
	var all []ranked
	for i, s := range f.now.Servers {
		earlier := map[string]float64{}
		for _, c := range f.before.Servers[i].Clients {
			earlier[c.Remote+c.Session] = c.Packets
		}
		for _, c := range s.Clients {
			rate := f.rate(c.Packets, earlier[c.Remote+c.Session])
			all = append(all, ranked{rate, fmt.Sprintf("%-24s %-20s %-24s %9.1f %9.0f  %s", c.Remote, c.Session, s.Address, rate, c.Latency, c.LastOp)})
		}
	}
	f.list(fmt.Sprintf("%-24s %-20s %-24s %9s %9s  %s", "CLIENT", "SESSION", "SERVER", "IN/s", "MEAN ms", "LAST"), all)
}

// paths shows the busiest namespaces, which are the first parts of paths, by the bytes that
// all servers together have read and written.
func (f *frame) paths() {
	type traffic struct{ read, written float64 }
	sums := map[string]*traffic{}
	for i, s := range f.now.Servers {
		for key, v := range s.Values {
			name, kind, ok := namespace(key)
			if !ok {
				continue
			}
			if sums[name] == nil {
				sums[name] = &traffic{}
			}
			rate := f.rate(v, f.before.Servers[i].Values[key])
			if kind == "read" {
				sums[name].read += rate
			} else {
				sums[name].written += rate
			}
		}
	}
	var all []ranked
	for name, t := range sums {
		all = append(all, ranked{t.read + t.written, fmt.Sprintf("%-24s %15.0f %15.0f", "/"+name, t.read, t.written)})
	}
	f.list(fmt.Sprintf("%-24s %15s %15s", "PATH", "BYTES READ/s", "WRITTEN/s"), all)
}

// namespace takes the name of a counter of mntr apart.
func namespace(key string) (name, kind string, ok bool) {
	rest, ok := strings.CutPrefix(key, "sum_")
	if !ok {
		return "", "", false
	}
	for _, kind := range []string{"read", "write"} {
		if name, ok := strings.CutSuffix(rest, "_"+kind+"_per_namespace"); ok {
			return name, kind, true
		}
	}
	return "", "", false
}

// missing says what could not be had, and why.
func (f *frame) missing() {
	for _, s := range f.now.Servers {
		if s.NoMore != nil {
			f.line("")
			f.line("%s tells no more: %v", s.Address, s.NoMore)
		}
	}
}
