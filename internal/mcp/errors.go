package mcp

// The error codes of JSON-RPC and of the protocol.
const (
	CodeParse              = -32700
	CodeInvalidRequest     = -32600
	CodeMethodNotFound     = -32601
	CodeInvalidParams      = -32602
	CodeInternal           = -32603
	CodeResourceNotFound   = -32002 // legacy only
	CodeHeaderMismatch     = -32020
	CodeMissingCapability  = -32021
	CodeUnsupportedVersion = -32022
	CodeURLElicitation     = -32042 // legacy only
)

// AppendError appends an error answer. With a nil id it has none: the protocol knows no null there. data is raw
// and may be nil.
func AppendError(dst, id []byte, code int, message string, data []byte) []byte {
	dst = append(dst, `{"jsonrpc":"2.0"`...)
	if id != nil {
		dst = append(append(dst, `,"id":`...), id...)
	}
	dst = append(dst, `,"error":{"code":`...)
	if code < 0 {
		dst = append(dst, '-')
		code = -code
	}
	dst = AppendUint(dst, uint64(code))
	dst = Quote(append(dst, `,"message":`...), message)
	if data != nil {
		dst = append(append(dst, `,"data":`...), data...)
	}
	return append(dst, `}}`...)
}

// AppendResult appends an answer with a raw result.
func AppendResult(dst, id, result []byte) []byte {
	dst = append(append(dst, `{"jsonrpc":"2.0","id":`...), id...)
	dst = append(append(dst, `,"result":`...), result...)
	return append(dst, '}')
}

// AppendRequest appends a request; params is raw and may be nil.
func AppendRequest(dst []byte, id uint64, method string, params []byte) []byte {
	dst = AppendUint(append(dst, `{"jsonrpc":"2.0","id":`...), id)
	dst = Quote(append(dst, `,"method":`...), method)
	return appendParams(dst, params)
}

// AppendNotification appends a notification; params is raw and may be nil.
func AppendNotification(dst []byte, method string, params []byte) []byte {
	dst = Quote(append(dst, `{"jsonrpc":"2.0","method":`...), method)
	return appendParams(dst, params)
}

func appendParams(dst, params []byte) []byte {
	if params != nil {
		dst = append(append(dst, `,"params":`...), params...)
	}
	return append(dst, '}')
}
