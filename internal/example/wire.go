package example

import (
	"bytes"
	"io"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The error codes this server answers with.
const (
	codeParse              = -32700
	codeInvalidRequest     = -32600
	codeMethodNotFound     = -32601
	codeInvalidParams      = -32602
	codeInternal           = -32603
	codeResourceNotFound   = -32002 // legacy only; modern says invalid params
	codeMissingCapability  = -32021
	codeUnsupportedVersion = -32022
)

// message is one JSON-RPC message of any kind.
type message struct {
	JSONRPC string         `json:"jsonrpc"`
	ID      jsontext.Value `json:"id,omitzero"`
	Method  string         `json:"method,omitempty"`
	Params  jsontext.Value `json:"params,omitzero"`
	Result  jsontext.Value `json:"result,omitzero"`
	Error   *wireError     `json:"error,omitzero"`
}

// kind tells a message's form by the members it has.
func (m *message) isResponse() bool { return m.Method == "" && (m.Result != nil || m.Error != nil) }

// wireError is the error member of a response, and the error of a handler.
type wireError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitzero"`
}

func (e *wireError) Error() string { return e.Message }

func invalidParams(sentence string) *wireError {
	return &wireError{Code: codeInvalidParams, Message: sentence}
}

// validID reports whether a raw id is one that a request may carry.
func validID(id jsontext.Value) bool {
	return len(id) > 0 && (id.Kind() == '"' || id.Kind() == '0')
}

// writer sends whole messages, one a line, from any goroutine.
type writer struct {
	mu   sync.Mutex
	out  io.Writer
	fail func(error) // told of a write that failed
}

func (w *writer) send(m message) {
	m.JSONRPC = "2.0"
	line, err := json.Marshal(m)
	if err != nil {
		w.fail(err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.out.Write(append(line, '\n')); err != nil {
		w.fail(err)
	}
}

func (w *writer) notify(method string, params any) {
	raw, err := json.Marshal(params)
	if err != nil {
		w.fail(err)
		return
	}
	w.send(message{Method: method, Params: raw})
}

// parse reads one line. A batch is a well-formed line that is refused.
func parse(line []byte) (message, *wireError) {
	var m message
	if bytes.HasPrefix(bytes.TrimLeft(line, " \t\r"), []byte("[")) {
		return m, &wireError{Code: codeInvalidRequest, Message: "batches are not supported; send one message a line"}
	}
	if !jsontext.Value(line).IsValid() {
		return m, &wireError{Code: codeParse, Message: "the line is not valid JSON"}
	}
	if err := json.Unmarshal(line, &m); err != nil || m.JSONRPC != "2.0" {
		return m, &wireError{Code: codeInvalidRequest, Message: "the line is not a JSON-RPC 2.0 message"}
	}
	return m, nil
}
