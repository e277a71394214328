package front

import (
	"net/http"
	"strings"

	"onemcp/internal/fault"
)

const (
	typeJSON   = "application/json"
	typeStream = "text/event-stream"
	typeHTML   = "text/html"
)

// checkContentType refuses bodies that do not say they are plain JSON.
func checkContentType(h http.Header) error {
	if mediaType(h.Get("Content-Type")) != typeJSON {
		return unsupportedMedia("the body must come with Content-Type: application/json")
	}
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return unsupportedMedia("the body must come without Content-Encoding")
	}
	return nil
}

func unsupportedMedia(sentence string) error {
	return &refusal{status: http.StatusUnsupportedMediaType, err: fault.New(fault.Invalid, "%s", sentence)}
}

// checkAccept refuses clients that do not take all the types an answer may have.
func checkAccept(h http.Header, types ...string) error {
	values := h["Accept"]
	if len(values) == 0 {
		return nil
	}
	for _, t := range types {
		if !accepts(values, t) {
			return &refusal{
				status: http.StatusNotAcceptable,
				err:    fault.New(fault.Invalid, "the client must accept %s", strings.Join(types, " and ")).WithHint("send Accept: %s", strings.Join(types, ", ")),
			}
		}
	}
	return nil
}

// accepts reports whether Accept header values hold a media type, by name or by wildcard.
func accepts(values []string, wanted string) bool {
	family, _, _ := strings.Cut(wanted, "/")
	for _, value := range values {
		for entry := range strings.SplitSeq(value, ",") {
			got := mediaType(entry)
			if got != wanted && got != "*/*" && (!strings.HasSuffix(got, "/*") || got[:len(got)-2] != family) {
				continue
			}
			if !refusedByQuality(entry) {
				return true
			}
		}
	}
	return false
}

// names reports whether Accept header values ask for a media type by its name, as browsers do for pages.
func names(values []string, wanted string) bool {
	for _, value := range values {
		for entry := range strings.SplitSeq(value, ",") {
			if mediaType(entry) == wanted && !refusedByQuality(entry) {
				return true
			}
		}
	}
	return false
}

// mediaType returns the type of a header entry, without parameters.
func mediaType(entry string) string {
	name, _, _ := strings.Cut(entry, ";")
	return strings.ToLower(strings.TrimSpace(name))
}

// refusedByQuality reports whether an Accept entry has the weight zero.
func refusedByQuality(entry string) bool {
	_, params, ok := strings.Cut(entry, ";")
	if !ok {
		return false
	}
	for p := range strings.SplitSeq(params, ";") {
		if q, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(p)), "q="); ok {
			return strings.Trim(q, "0") == "" || strings.Trim(q, "0") == "."
		}
	}
	return false
}
