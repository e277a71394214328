package load

import (
	"bytes"

	"onemcp/bench/scan"
)

// final returns the answer among the events of a stream: the message with an id and no method.
func final(stream []byte) []byte {
	for len(stream) > 0 {
		var data []byte
		data, stream = event(stream)
		if scan.Member(data, "id") != nil && scan.Member(data, "method") == nil {
			return data
		}
	}
	return nil
}

// event returns the data of the first event, and what comes after it.
func event(stream []byte) (data, rest []byte) {
	for len(stream) > 0 {
		var line []byte
		line, stream, _ = bytes.Cut(stream, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			return data, stream
		}
		if value, is := bytes.CutPrefix(line, []byte("data:")); is {
			value = bytes.TrimPrefix(value, []byte(" "))
			if data == nil {
				data = value
			} else {
				data = append(append(bytes.Clone(data), '\n'), value...)
			}
		}
	}
	return data, nil
}
