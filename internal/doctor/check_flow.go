package doctor

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// checkStream looks whether events come as they are sent.
func (v *view) checkStream() []Finding {
	s := &v.pub.Stream
	switch {
	case s.Status != http.StatusOK:
		return one("stream_broken", Error, noBuffer.fixes(v.o.gateway()), "an event stream does not pass: %s", s.answer())
	case s.Cut:
		return one("stream_cut", Error, longIdle.fixes(v.o.gateway()), "an event stream ended after %s of %d", count(len(s.Came), "event"), s.Events)
	case s.bunched():
		return one("stream_buffered", Error, noBuffer.fixes(v.o.gateway()),
			"event streams are held back: %d events sent %v apart came within %v, the first after %v",
			s.Events, s.Gap, s.span().Round(time.Millisecond), s.Came[0].Round(time.Millisecond))
	case s.Packed:
		return note("stream_packed", "the proxy compresses event streams, though it is told not to (Cache-Control: no-transform)")
	}
	return nil
}

// bunched reports whether the events came together that were sent apart.
func (s *Stream) bunched() bool {
	return len(s.Came) == s.Events && s.Events > 1 && s.span() < time.Duration(s.Events-1)*s.Gap/2
}

// span is the time between the first event and the last.
func (s *Stream) span() time.Duration {
	if len(s.Came) == 0 {
		return 0
	}
	return s.Came[len(s.Came)-1] - s.Came[0]
}

// checkIdle looks whether a stream lives that has beats alone.
func (v *view) checkIdle() []Finding {
	s := v.pub.Idle
	if s == nil || !s.Cut && s.Status == http.StatusOK || v.pub.Stream.Cut || v.pub.Stream.Status != http.StatusOK {
		return nil
	}
	beat := time.Duration(v.clean.Heartbeat) * time.Millisecond
	fixes := longIdle.fixes(v.o.gateway())
	if beat > longestBeat {
		fixes = longIdle.before(v.o.gateway(), `"heartbeatInterval": 15000`)
	}
	return one("idle_cut", Error, fixes, "a stream was cut after %v, with a beat every %v: the proxy does not wait that long", s.Got.Sub(s.Sent).Round(100*time.Millisecond), beat)
}

// checkBody looks whether large messages pass.
func (v *view) checkBody() []Finding {
	for _, u := range []*Upload{&v.pub.Body, &v.pub.Limit} {
		switch {
		case u.Size == 0:
		case u.Status == http.StatusRequestEntityTooLarge || u.Failure.Kind == "cut":
			return one("body_limit", Warning, largeBody.fixes(v.o.gateway()), "the proxy refuses a request of %s (%s), which the gateway takes (server.maxBodySize)", size(u.Size), u.answer())
		case u.Status >= http.StatusBadRequest:
			return one("body_refused", Warning, nil, "a request of %s does not pass: %s", size(u.Size), u.answer())
		}
	}
	return nil
}

func size(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%.3g MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// checkHeader looks whether long headers pass.
func (v *view) checkHeader() []Finding {
	u := &v.pub.Header
	refused := []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge, 520}
	if u.Size == 0 || !slices.Contains(refused, u.Status) {
		return nil
	}
	return one("header_limit", Note, longHeader.fixes(v.o.gateway()), "the proxy refuses a header of %s (%s): long tokens may not pass", size(u.Size), u.answer())
}

// checkOpen tells where clients can get past the proxy.
func (v *view) checkOpen() []Finding {
	if len(v.pub.Open) == 0 || v.noProxy() {
		return nil
	}
	return one("port_open", Warning, []Fix{inFile(`"host": "127.0.0.1"`), {"firewall", []string{"# admit the proxy alone to port " + portOf(v.o.Setup.Listener)}}},
		"the gateway's own port answers from here at %s, past the proxy", strings.Join(v.pub.Open, ", "))
}

// checkNotes tells what is worth knowing.
func (v *view) checkNotes() (found []Finding) {
	if v.clean.Proto == "HTTP/1.0" {
		found = append(found, one("http_1_0", Note, newerHTTP.fixes(v.o.gateway()), "the proxy speaks HTTP/1.0 with the gateway: every request costs a connection")...)
	}
	if v.pub.Idle == nil {
		found = append(found, note("idle_skipped", "whether silent streams live was not tried; --idle does, and takes a little longer than two heartbeats")...)
	}
	return found
}
