package sse_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"onemcp/internal/sse"
)

// inPieces is drain by Begin, which takes what is not whole as take does.
func inPieces(r *sse.Reader, enough int, take func(r *sse.Reader, head sse.Event) (sse.Event, error)) (string, error) {
	var b strings.Builder
	for {
		e, whole, err := r.Begin(enough)
		if err == nil && !whole {
			if len(e.Data) == 0 || e.Name != "" && e.Name != "n" {
				return b.String(), fmt.Errorf("begins as %+v", e)
			}
			e, err = take(r, e)
		}
		if err != nil {
			return b.String(), err
		}
		fmt.Fprintf(&b, "%s|%s|%q\n", e.Name, e.ID, e.Data)
	}
}

// byPiece puts the pieces of an event together.
func byPiece(r *sse.Reader, e sse.Event) (sse.Event, error) {
	head := bytes.Clone(e.Data)
	e.Data = nil
	for {
		piece, err := r.Piece()
		if err == io.EOF {
			if !bytes.HasPrefix(e.Data, head) {
				err = fmt.Errorf("%q does not begin with %q", e.Data, head)
				return e, err
			}
			return e, nil
		}
		if err != nil {
			return e, err
		}
		e.Data = append(e.Data, piece...)
	}
}

func TestAnEventComesWholeOrInPieces(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 1<<10)
	want := fmt.Sprintf("n|7|%q\n||%q\n", long+"\nb\n\n"+long, "next")
	for name, stream := range map[string]string{
		"LF":   "event: n\nid: 7\ndata: " + long + "\n: c\nretry: 1\ndata:b\ndata\ndata: " + long + "\n\ndata: next\n\n",
		"CRLF": "event: n\r\nid: 7\r\ndata: " + long + "\r\ndata:b\r\ndata\r\ndata: " + long + "\r\n\r\ndata: next\r\n\r\n",
		"CR":   "\ufeffevent: n\rid: 7\rdata: " + long + "\rdata:b\rdata\rdata: " + long + "\r\rdata: next\r\r",
	} {
		for how := range sources(stream) {
			for _, enough := range []int{10, 100, 1 << 10, 1 << 20} {
				wholly := func(r *sse.Reader, _ sse.Event) (sse.Event, error) { return r.Next() }
				for way, take := range map[string]func(*sse.Reader, sse.Event) (sse.Event, error){"whole": wholly, "in pieces": byPiece} {
					r := sse.NewReader(sources(stream)[how], 1<<20)
					if got, err := inPieces(r, enough, take); got != want || err != io.EOF {
						t.Errorf("%s, %s, %d, %s: got %s, %v", name, how, enough, way, got, err)
					}
				}
			}
		}
	}
}

func TestTheRestOfPiecesIsPassedOver(t *testing.T) {
	t.Parallel()
	stream := "data: " + strings.Repeat("x", 1<<12) + "\ndata: y\n\ndata: next\n\n"
	for _, pieces := range []int{1, 2, 5} {
		for how, src := range sources(stream) {
			r := sse.NewReader(src, 1<<20)
			if _, whole, err := r.Begin(100); whole || err != nil {
				t.Fatal(whole, err)
			}
			for range pieces {
				if _, err := r.Piece(); err != nil && err != io.EOF {
					t.Fatal(err)
				}
			}
			if e, err := r.Next(); string(e.Data) != "next" || err != nil {
				t.Errorf("%s, after %d pieces: %.100q, %v", how, pieces, e.Data, err)
			}
		}
	}
}

func TestPiecesThatBreak(t *testing.T) {
	t.Parallel()
	long := "data: " + strings.Repeat("x", 1<<12)
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		stream string
		end    error
		want   string
	}{
		"within the line":        {long, io.EOF, io.ErrUnexpectedEOF.Error()},
		"behind the line":        {long + "\n", io.EOF, io.ErrUnexpectedEOF.Error()},
		"within the next line":   {long + "\ndata: y", io.EOF, io.ErrUnexpectedEOF.Error()},
		"the source's error":     {long, broken, "broken"},
		"behind it, too":         {long + "\n", broken, "broken"},
		"no message after all":   {long + "\nevent: other\n\n", io.EOF, "the name of an event stands behind its data"},
		"a further line is long": {long + "\ndata: " + strings.Repeat("y", 1<<14) + "\n\n", io.EOF, "an event is over the size limit"},
	} {
		src := io.MultiReader(strings.NewReader(tt.stream), iotest.ErrReader(tt.end))
		got, err := inPieces(sse.NewReader(src, 1<<13), 100, byPiece)
		if got != "" || err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	fine := long + "\nevent: message\nid: 1\n\n" // the name of messages is no news
	if got, err := inPieces(sse.NewReader(strings.NewReader(fine), 1<<13), 100, byPiece); len(got) < 1<<12 || err != io.EOF {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPiecesTakeTheRoomOfTheFirst(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	src := io.MultiReader(strings.NewReader("data: "), io.LimitReader(endless{}, size), strings.NewReader("\n\n"))
	r := sse.NewReader(src, 1<<30)
	if _, whole, err := r.Begin(32 << 10); whole || err != nil {
		t.Fatal(whole, err)
	}
	total, most := 0, 0
	for {
		piece, err := r.Piece()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		total += len(piece)
		most = max(most, len(piece)) // the source fills all the room that there is
	}
	if total != size || most > 64<<10 {
		t.Errorf("%d bytes in pieces of up to %d", total, most)
	}
}

// endless is a source of x.
type endless struct{}

// Read implements io.Reader.
func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// FuzzPieces holds what Begin and Piece return to what Next does.
func FuzzPieces(f *testing.F) {
	f.Add([]byte("\ufeff: c\r\ndata: aaaaaaaaaaaaaaaa\rdata\n\nretry: 1\n\nevent: n\nid: 1\rdata:bbbbbbbbbbbbbbb\r\ndata: c\n\r\n"), uint8(3), uint8(2))
	f.Add([]byte("data: aaaaaaaaaaaaaaaaaaaaaaaaaaa\nid: 1\n\ndata: b\n\n"), uint8(0), uint8(9))
	f.Fuzz(func(t *testing.T, stream []byte, enough, cut uint8) {
		source := func() io.Reader {
			at := min(int(cut), len(stream))
			return io.MultiReader(bytes.NewReader(stream[:at]), bytes.NewReader(stream[at:]))
		}
		whole, pieces := sse.NewReader(source(), 1<<20), sse.NewReader(source(), 1<<20)
		for {
			want, wrong := whole.Next()
			got, complete, err := pieces.Begin(int(enough) + 8)
			if err == nil && !complete {
				got, err = byPiece(pieces, got)
				if err != nil && wrong == nil && want.Name != "" {
					return // so named behind the data
				}
				want.Name, want.ID, want.Retry = got.Name, got.ID, got.Retry // others behind the data are passed over
			}
			if err != nil && wrong != nil {
				return
			}
			if err != nil || wrong != nil || got.Name != want.Name || got.ID != want.ID || !bytes.Equal(got.Data, want.Data) {
				t.Fatalf("got %+v, %v; want %+v, %v", got, err, want, wrong)
			}
		}
	})
}
