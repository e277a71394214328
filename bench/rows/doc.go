// Package rows is what the benchmark measures: one Row for each row of the table of goals. A row
// starts its subjects side by side, puts them under load in turns, and makes a table of the medians.
// What it starts it stops before it returns.
package rows
