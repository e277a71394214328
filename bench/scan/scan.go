package scan

import "bytes"

// Member returns the value of a member of an object as it is written, or nil.
func Member(object []byte, name string) []byte {
	i := space(object, 0)
	if i >= len(object) || object[i] != '{' {
		return nil
	}
	for i = space(object, i+1); i < len(object) && object[i] == '"'; {
		key := object[i+1 : max(i+1, skip(object, i)-1)]
		i = space(object, i+len(key)+2)
		if i >= len(object) || object[i] != ':' {
			return nil
		}
		start := space(object, i+1)
		end := skip(object, start)
		if string(key) == name {
			return object[start:end]
		}
		i = comma(object, end)
	}
	return nil
}

// Elements calls visit with each element of an array as it is written, until visit returns false.
func Elements(array []byte, visit func(element []byte) bool) {
	i := space(array, 0)
	if i >= len(array) || array[i] != '[' {
		return
	}
	for i = space(array, i+1); i < len(array) && array[i] != ']'; {
		end := skip(array, i)
		if end == i || !visit(array[i:end]) {
			return
		}
		i = comma(array, end)
	}
}

// Text returns what stands between the quotes of a string; escapes stay as they are. It returns
// nil for anything else.
func Text(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return nil
	}
	return value[1 : len(value)-1]
}

// comma returns where the next member or element begins, or where the closing bracket is.
func comma(b []byte, i int) int {
	i = space(b, i)
	if i < len(b) && b[i] == ',' {
		i = space(b, i+1)
	}
	return i
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skip returns the end of the value that begins at i.
func skip(b []byte, i int) int {
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		return text(b, i)
	case '{', '[':
		return nested(b, i)
	}
	for i < len(b) && !bytes.ContainsRune([]byte(",]} \n\r\t"), rune(b[i])) {
		i++
	}
	return i
}

// text returns the end of the string that begins at i.
func text(b []byte, i int) int {
	for i++; i < len(b); {
		quote := bytes.IndexByte(b[i:], '"')
		if quote < 0 {
			return len(b)
		}
		i += quote
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		i++
		if slashes%2 == 0 {
			return i
		}
	}
	return len(b)
}

// nested returns the end of the object or array that begins at i.
func nested(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = text(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		i++
		if depth == 0 {
			return i
		}
	}
	return len(b)
}
