package config

import (
	"strconv"
	"strings"
	"time"
)

// wrong is a value that is not accepted: Java's text and what would be right. How bad that is depends
// on the key, unless one of the flags is set.
type wrong struct {
	text, allowed string
	soft          bool // never fatal: Java takes the value for something, and so do we
	fatal         bool // fatal even for a property
}

func (w wrong) Error() string { return w.text }

func notNumber(value, allowed string) error {
	return wrong{text: `For input string: "` + value + `"`, allowed: allowed}
}

// decimal is Java's Integer.parseInt and Long.parseLong.
func decimal(value string, bits int, allowed string) (int64, error) {
	n, err := strconv.ParseInt(value, 10, bits)
	if err != nil {
		return 0, notNumber(value, allowed)
	}
	return n, nil
}

// decode is Java's Integer.getInteger: decimal, 0x or # hexadecimal, 0 octal.
func decode(value string, bits int, allowed string) (int64, error) {
	digits := strings.TrimLeft(value, "+-")
	sign := value[:len(value)-len(digits)]
	base := 10
	switch {
	case strings.HasPrefix(digits, "0x"), strings.HasPrefix(digits, "0X"):
		digits, base = digits[2:], 16
	case strings.HasPrefix(digits, "#"):
		digits, base = digits[1:], 16
	case strings.HasPrefix(digits, "0") && len(digits) > 1:
		digits, base = digits[1:], 8
	}
	if len(sign) > 1 || strings.HasPrefix(digits, "-") || strings.HasPrefix(digits, "+") {
		return 0, notNumber(value, allowed)
	}
	n, err := strconv.ParseInt(sign+digits, base, bits)
	if err != nil {
		return 0, notNumber(value, allowed)
	}
	return n, nil
}

// setter stores one value. On an error the field keeps its default unless Java takes another one.
type setter func(c *Config, value string) error

func text(at func(*Config) *string) setter {
	return func(c *Config, value string) error {
		*at(c) = value
		return nil
	}
}

// list splits at commas, blanks around the parts and empty parts dropped.
func list(at func(*Config) *[]string) setter {
	return func(c *Config, value string) error {
		*at(c) = splitList(value)
		return nil
	}
}

func splitList(value string) []string {
	var parts []string
	for _, s := range strings.Split(value, ",") {
		if s = strings.TrimSpace(s); s != "" {
			parts = append(parts, s)
		}
	}
	return parts
}

// strictBool is a boolean field: anything but true and false is fatal.
func strictBool(key string, at func(*Config) *bool) setter {
	return func(c *Config, value string) error {
		switch strings.ToLower(value) {
		case "true":
			*at(c) = true
		case "false":
			*at(c) = false
		default:
			return wrong{text: "Invalid option " + value + " for " + key + ". Choose 'true' or 'false.'", allowed: "true, false"}
		}
		return nil
	}
}

// looseBool is a boolean property: Java takes everything but true for false.
func looseBool(at func(*Config) *bool) setter {
	return func(c *Config, value string) error {
		*at(c) = strings.EqualFold(value, "true")
		if *at(c) || strings.EqualFold(value, "false") {
			return nil
		}
		return wrong{text: "neither true nor false, taken as false", allowed: "true, false", soft: true}
	}
}

// exactly is a property that only one word turns from its default; other is what people write
// for the default.
func exactly(word string, result bool, other string, at func(*Config) *bool) setter {
	return func(c *Config, value string) error {
		if value == word {
			*at(c) = result
			return nil
		}
		*at(c) = !result
		if value == other {
			return nil
		}
		return wrong{text: "only the exact word " + word + " has an effect, taken as " + other, allowed: word + ", " + other, soft: true}
	}
}

const (
	wholeNumber = "a whole number"
	wholeMillis = "a whole number of milliseconds"
)

func integer(at func(*Config) *int) setter {
	return func(c *Config, value string) error {
		n, err := decimal(value, 32, wholeNumber)
		if err == nil {
			*at(c) = int(n)
		}
		return err
	}
}

// limit is an integer field that must not be negative.
func limit(at func(*Config) *int) setter {
	return func(c *Config, value string) error {
		n, err := decimal(value, 32, wholeNumber)
		if err != nil {
			return err
		}
		if n < 0 {
			return wrong{text: "negative number", allowed: "a whole number of ticks"}
		}
		*at(c) = int(n)
		return nil
	}
}

func port(at func(*Config) *int) setter {
	return func(c *Config, value string) error {
		n, err := decimal(value, 32, "0 to 65535")
		if err != nil {
			return err
		}
		if n < 0 || n > 65535 {
			return wrong{text: "port out of range:" + value, allowed: "0 to 65535", fatal: true}
		}
		*at(c) = int(n)
		return nil
	}
}

// loosePort is a port that Java reads with getInteger: not a number is the default.
func loosePort(at func(*Config) *int) setter {
	return func(c *Config, value string) error {
		n, err := decode(value, 32, "0 to 65535")
		if err != nil {
			return err
		}
		return port(at)(c, strconv.FormatInt(n, 10))
	}
}

func looseInt(at func(*Config) *int) setter {
	return func(c *Config, value string) error {
		n, err := decode(value, 32, wholeNumber)
		if err == nil {
			*at(c) = int(n)
		}
		return err
	}
}

func looseInt64(at func(*Config) *int64) setter {
	return func(c *Config, value string) error {
		n, err := decode(value, 64, wholeNumber)
		if err == nil {
			*at(c) = n
		}
		return err
	}
}

const maxKiB = 1<<53 - 1 // as bytes still an int64

func kib(at func(*Config) *int64) setter {
	return func(c *Config, value string) error {
		n, err := decimal(value, 64, "a whole number of KiB")
		if err == nil {
			*at(c) = min(n, maxKiB) << 10
		}
		return err
	}
}

func fraction(at func(*Config) *float64) setter {
	return func(c *Config, value string) error {
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || f != f {
			return notNumber(value, "a number like 0.33")
		}
		*at(c) = f
		return nil
	}
}

func millis(at func(*Config) *time.Duration) setter {
	return func(c *Config, value string) error {
		n, err := decimal(value, 32, wholeMillis)
		if err == nil {
			*at(c) = time.Duration(n) * time.Millisecond
		}
		return err
	}
}

func looseMillis(at func(*Config) *time.Duration) setter {
	return func(c *Config, value string) error {
		n, err := decode(value, 64, wholeMillis)
		if err != nil {
			return err
		}
		if n > maxMillis || n < -maxMillis {
			return wrong{text: "out of range", allowed: wholeMillis}
		}
		*at(c) = time.Duration(n) * time.Millisecond
		return nil
	}
}

const maxMillis = int64(1<<63-1) / int64(time.Millisecond)

func hours(at func(*Config) *time.Duration) setter {
	return func(c *Config, value string) error {
		n, err := decimal(value, 32, "a whole number of hours")
		if err == nil {
			*at(c) = time.Duration(min(n, maxHours)) * time.Hour
		}
		return err
	}
}

const maxHours = int64(1<<63-1) / int64(time.Hour)

// oneOf is a word in any case, stored in lower case; an empty value is the default.
func oneOf(at func(*Config) *string, allowed ...string) setter {
	return func(c *Config, value string) error {
		value = strings.ToLower(value)
		if value == "" {
			return nil
		}
		for _, w := range allowed {
			if value == w {
				*at(c) = value
				return nil
			}
		}
		return wrong{text: "unknown value", allowed: strings.Join(allowed, ", ")}
	}
}
