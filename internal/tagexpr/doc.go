// Package tagexpr reads boolean expressions over tags and answers them.
//
//	expression = term { ("or" | ",") term } .
//	term       = factor { [ "and" | "+" ] factor } .
//	factor     = ("not" | "!" | "-") factor | "(" expression ")" | tag .
//
// A blank between two factors means and, because "+" arrives as a blank in
// the query of a URL. The words and, or, not are keywords in any case; a tag
// is any other run of characters without blanks and without , + ! ( ) that does not
// begin with -, and not one of other languages' operators: & and | alone, && and || anywhere.
//
// Everything is pure: no goroutine is started, and an [Expr] is immutable and safe
// for concurrent use. The package does not know what has the tags, nor whether
// their case matters: the function that is handed to [Expr.Match] decides.
package tagexpr
