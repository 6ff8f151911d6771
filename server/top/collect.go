package top

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gokeeper/server/survey"
)

// limit is how long one answer may take.
const limit = 2 * time.Second

// Collect asks all servers at once. adminPort is that of their admin servers, asked for
// what the whitelist keeps back; 0 is nobody.
func Collect(addresses []string, adminPort int) Sample {
	s := Sample{Servers: make([]Server, len(addresses))}
	survey.Each(len(addresses), func(i int) { s.Servers[i] = ask(addresses[i], adminPort) })
	s.Taken = time.Now()
	return s
}

func ask(address string, adminPort int) Server {
	s := Server{Address: address}
	if s.Summary, s.Err = survey.Summary(address, limit); s.Err != nil {
		return s
	}
	host, _, _ := net.SplitHostPort(address)
	var text string
	if text, s.NoMore = survey.Want(address, "mntr", limit); s.NoMore == nil {
		s.Values = values(text)
	} else {
		s.NoMore = s.monitor(host, adminPort, s.NoMore)
	}
	if text, err := survey.Want(address, "cons", limit); err == nil {
		s.Clients = clients(text)
	} else if err = s.connections(host, adminPort, err); err != nil {
		s.NoMore = err
	}
	return s
}

// values reads mntr.
func values(text string) map[string]float64 {
	out := map[string]float64{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			out[strings.TrimPrefix(name, "zk_")] = v
		}
	}
	return out
}

var (
	connection = regexp.MustCompile(`^ ?/(\S+)\[\d+\]\((.*)\)$`)
	errNoPort  = errors.New("no admin server is asked (--admin-port 0)")
)

// clients reads cons. Connections without a session are those that ask words.
func clients(text string) []Client {
	var out []Client
	for line := range strings.Lines(text) {
		m := connection.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		fields := map[string]string{}
		for part := range strings.SplitSeq(m[2], ",") {
			name, value, _ := strings.Cut(part, "=")
			fields[name] = value
		}
		c := Client{Remote: m[1], Session: fields["sid"], LastOp: fields["lop"]}
		c.Packets, _ = strconv.ParseFloat(fields["recved"], 64)
		c.Latency, _ = strconv.ParseFloat(fields["avglat"], 64)
		if c.Session != "" {
			out = append(out, c)
		}
	}
	return out
}

// command asks the admin server. why is the reason that it is asked.
func command(host string, port int, name string, into any, why error) error {
	if port == 0 {
		return fmt.Errorf("%w; %w", why, errNoPort)
	}
	c := http.Client{Timeout: limit}
	r, err := c.Get("http://" + net.JoinHostPort(host, strconv.Itoa(port)) + "/commands/" + name)
	if err != nil {
		return fmt.Errorf("%w; %w", why, err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(io.LimitReader(r.Body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("%w; admin server's %s: %w", why, name, err)
	}
	return nil
}

const maxAnswer = 16 << 20 // bytes of an admin server's answer

func (s *Server) monitor(host string, port int, why error) error {
	var all map[string]any
	if err := command(host, port, "monitor", &all, why); err != nil {
		return err
	}
	s.Values = map[string]float64{}
	for name, v := range all {
		if f, ok := v.(float64); ok {
			s.Values[name] = f
		}
	}
	return nil
}

func (s *Server) connections(host string, port int, why error) error {
	var all struct {
		Plain  []row `json:"connections"`
		Secure []row `json:"secure_connections"`
	}
	if err := command(host, port, "connections", &all, why); err != nil {
		return err
	}
	for _, r := range append(all.Plain, all.Secure...) {
		if r.Session != 0 {
			s.Clients = append(s.Clients, Client{
				Remote: strings.TrimPrefix(r.Remote, "/"), Session: fmt.Sprintf("0x%x", uint64(r.Session)), LastOp: r.LastOp,
				Packets: r.Received, Latency: r.Latency,
			})
		}
	}
	return nil
}

// row is a connection in the answer of the admin server.
type row struct {
	Remote   string  `json:"remote_socket_address"`
	Session  int64   `json:"session_id"`
	LastOp   string  `json:"last_operation"`
	Received float64 `json:"packets_received"`
	Latency  float64 `json:"avg_latency"`
}
