package admin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorded returns the head and the body of an answer of a Java server.
func recorded(t *testing.T, file string) (head, body string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, body, ok := strings.Cut(string(b), "\n\n")
	if !ok {
		t.Fatalf("%s has no empty line", file)
	}
	return head, body
}

// parseJSON reads a value with its fields in order.
func parseJSON(t *testing.T, d *json.Decoder) any {
	t.Helper()
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch x := token.(type) {
	case json.Number:
		return number(x)
	case json.Delim:
		if x == '{' {
			o := object{}
			for d.More() {
				name, _ := d.Token()
				o = append(o, field{name.(string), parseJSON(t, d)})
			}
			_, _ = d.Token()
			return o
		}
		var list []any
		for d.More() {
			list = append(list, parseJSON(t, d))
		}
		_, _ = d.Token()
		return listOf(t, list)
	}
	return token
}

// listOf gives a list the type that objects have it in.
func listOf(t *testing.T, list []any) any {
	t.Helper()
	strings, objects, numbers := []string{}, []object{}, []int64{}
	for _, x := range list {
		switch x := x.(type) {
		case string:
			strings = append(strings, x)
		case object:
			objects = append(objects, x)
		case number:
			n, err := json.Number(x).Int64()
			if err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, n)
		default:
			t.Fatalf("list of %T", x)
		}
	}
	switch {
	case len(objects) > 0:
		return objects
	case len(numbers) > 0:
		return numbers
	}
	return strings
}

// TestJavaJSON reads what Java servers have answered and wants the same bytes written.
func TestJavaJSON(t *testing.T) {
	files, err := filepath.Glob("testdata/http/*/*.http")
	if err != nil || len(files) < 125 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		head, body := recorded(t, file)
		if !strings.Contains(head, "application/json") {
			continue
		}
		d := json.NewDecoder(strings.NewReader(body))
		d.UseNumber()
		if got := string(appendJSON(nil, parseJSON(t, d), "")); got != body {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, body)
		}
	}
}

func TestQuoted(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		if got := string(appendQuoted(nil, s)); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
	f("", `""`)
	f("a/b <&> ü€😀", `"a/b <&> ü€😀"`)
	f("\"\\\b\f\n\r\t", `"\"\\\b\f\n\r\t"`)
	f("\x00\x1b\x7f", `"\u0000\u001B`+"\x7f"+`"`)
	f("a\xffb", `"a�b"`)
}
