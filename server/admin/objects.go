package admin

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"gokeeper/server/metrics"
	"gokeeper/server/proto"
)

// What follows renders facts as the objects of Java's admin server, fields in its order.

func (c *Commands) configuration(url.Values) (object, error) {
	f := c.source.Conf()
	return object{
		{"client_port", orNone(f.ClientPort)}, {"data_dir", f.DataDir}, {"data_log_dir", f.LogDir},
		{"tick_time", f.Tick.Milliseconds()}, {"max_client_cnxns", f.MaxPerAddress},
		{"min_session_timeout", f.MinTimeout.Milliseconds()}, {"max_session_timeout", f.MaxTimeout.Milliseconds()},
		{"server_id", f.ServerID}, {"client_port_listen_backlog", f.Backlog},
	}, nil
}

func (c *Commands) resetConnections(url.Values) (object, error) {
	c.source.ResetConnections()
	return nil, nil
}

func (c *Commands) resetStats(url.Values) (object, error) {
	c.source.ResetStats()
	return nil, nil
}

// resetObservers does nothing: what is counted of a link lasts as long as the link.
func (c *Commands) resetObservers(url.Values) (object, error) { return nil, nil }

// traffic is what stats shows of a connection, and connections at its beginning.
func traffic(x *Connection) object {
	return object{
		{"remote_socket_address", address(x.Remote)}, {"interest_ops", x.Interest}, {"outstanding_requests", x.Queued},
		{"packets_received", x.Received}, {"packets_sent", x.Sent},
	}
}

func (c *Commands) connections(url.Values) (object, error) {
	return object{{"connections", c.detailed(false)}, {"secure_connections", c.detailed(true)}}, nil
}

// detailed is what connections shows of one of the ports.
func (c *Commands) detailed(secure bool) []object {
	list := []object{}
	for _, x := range c.connectionsOf(secure) {
		o := traffic(&x)
		if x.Session != 0 {
			o = append(o, object{
				{"session_id", int64(x.Session)}, {"last_operation", opNames[x.LastOp]}, {"established", x.Established.UnixMilli()},
				{"session_timeout", x.Timeout}, {"last_cxid", x.LastCxid}, {"last_zxid", int64(x.LastZxid)},
				{"last_response_time", x.LastResponse}, {"last_latency", x.LastLatency}, {"min_latency", x.MinLatency},
				{"avg_latency", x.AvgLatency}, {"max_latency", x.MaxLatency},
			}...)
		}
		list = append(list, o)
	}
	return list
}

func (c *Commands) directories(url.Values) (object, error) {
	data, logs := c.source.Sizes()
	return object{{"datadir_size", data}, {"logdir_size", logs}}, nil
}

// sessions is dump. Java lists no sessions on servers that do not track them.
func (c *Commands) sessions(url.Values) (object, error) {
	expiry, owners := object{}, object{}
	for _, b := range c.source.Tracker().Buckets {
		expiry = append(expiry, field{strconv.FormatInt(b.Millis, 10), ids(b.Sessions)})
	}
	for _, o := range c.source.Ephemerals() {
		owners = append(owners, field{decimal(o.Session), o.Paths})
	}
	slices.SortStableFunc(owners, func(a, b field) int { return cmp.Compare(a.name, b.name) })
	return object{{"expiry_time_to_session_ids", expiry}, {"session_id_to_ephemeral_paths", owners}}, nil
}

func decimal(id proto.SessionID) string { return strconv.FormatInt(int64(id), 10) }

func ids(sessions []proto.SessionID) []int64 {
	out := make([]int64, len(sessions))
	for i, id := range sessions {
		out[i] = int64(id)
	}
	return out
}

func (c *Commands) environment(url.Values) (object, error) {
	var o object
	for _, e := range c.source.Environment() {
		o = append(o, field{e[0], e[1]})
	}
	return o, nil
}

func (c *Commands) traceMask(url.Values) (object, error) {
	return object{{"tracemask", c.mask.Load()}}, nil
}

func (c *Commands) setTraceMask(q url.Values) (object, error) {
	if !q.Has("traceMask") {
		return nil, errors.New("setTraceMask requires long traceMask argument")
	}
	text := q.Get("traceMask")
	mask, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("setTraceMask requires long traceMask argument, got %s", text)
	}
	c.mask.Store(mask)
	return c.traceMask(nil)
}

// digestVersion is that of Java since 3.6.
const digestVersion = 2

func (c *Commands) digests(url.Values) (object, error) {
	list := []object{}
	for _, d := range c.source.Digests() {
		list = append(list, object{
			{"zxid", int64(d.Zxid)}, {"digest", int64(d.Value)}, {"digest_version", digestVersion},
		})
	}
	return object{{"digests", list}}, nil
}

func (c *Commands) initialConfiguration(url.Values) (object, error) {
	if text, ok := c.source.InitialConfig(); ok {
		return object{{"initial_configuration", text}}, nil
	}
	return object{{"initial_configuration", nil}}, nil
}

func (c *Commands) isReadOnly(url.Values) (object, error) {
	return object{{"read_only", c.source.Summary().ReadOnly}}, nil
}

func (c *Commands) lastSnapshot(url.Values) (object, error) {
	s := c.source.LastSnapshot()
	taken := int64(0)
	if !s.Taken.IsZero() {
		taken = s.Taken.Unix()
	}
	return object{{"zxid", strconv.FormatUint(uint64(s.Zxid), 16)}, {"timestamp", taken}}, nil
}

func (c *Commands) leader(url.Values) (object, error) {
	l, ok := c.source.Leader()
	if !ok {
		return nil, errNotInitialized
	}
	return object{{"is_leader", l.Self}, {"leader_id", l.ID}, {"leader_ip", l.Host}}, nil
}

// monitor prints what is a number as one.
func (c *Commands) monitor(url.Values) (object, error) {
	var o object
	for _, l := range slices.Concat(c.source.Gauges(), c.source.Metrics().Lines()) {
		var value any = l.Value
		if json.Valid([]byte(l.Value)) {
			value = number(l.Value)
		}
		o = append(o, field{l.Label(), value})
	}
	return o, nil
}

func (c *Commands) observers(url.Values) (object, error) {
	list := []object{}
	for _, x := range c.source.Observers() {
		list = append(list, object{
			{"remote_socket_address", "/" + address(x.Remote)}, {"sid", x.ID}, {"established", x.Established.UnixMilli()},
			{"queued_packets", x.Queued}, {"queued_packets_size", x.QueuedBytes}, {"packets_received", x.Received},
			{"packets_sent", x.Sent}, {"requests", x.Requests}, {"last_zxid", int64(x.LastZxid)},
		})
	}
	return object{{"synced_observers", len(list)}, {"observers", list}}, nil
}

func (s Sizes) object() object {
	return object{{"last_buffer_size", s.Last}, {"min_buffer_size", s.Min}, {"max_buffer_size", s.Max}}
}

func (c *Commands) serverStats(url.Values) (object, error) {
	s := c.source.Summary()
	data, logs := c.source.Sizes()
	stats := object{
		{"packets_sent", s.Sent}, {"packets_received", s.Received}, {"fsync_threshold_exceed_count", s.SlowSyncs},
		{"client_response_stats", s.Responses.object()}, {"data_dir_size", data}, {"log_dir_size", logs},
		{"last_processed_zxid", int64(s.Zxid)}, {"provider_null", s.NoMetrics}, {"server_state", s.Mode},
		{"outstanding_requests", s.Outstanding}, {"avg_latency", number(metrics.Average(s.AvgLatency))},
		{"max_latency", s.MaxLatency}, {"min_latency", s.MinLatency}, {"num_alive_client_connections", s.Connections},
		{"uptime", s.Uptime}, {"auth_failed_count", s.AuthFailed}, {"non_mtlsremote_conn_count", s.PlainRemote},
		{"non_mtlslocal_conn_count", s.PlainLocal},
	}
	o := object{
		{"version", s.Version}, {"read_only", s.ReadOnly}, {"server_stats", stats}, {"client_response", s.Responses.object()},
	}
	if s.Proposals != nil {
		o = append(o, field{"proposal_stats", s.Proposals.object()})
	}
	return append(o, field{"node_count", s.Nodes}), nil
}

func (c *Commands) stats(q url.Values) (object, error) {
	o, err := c.serverStats(q)
	brief := func(secure bool) []object {
		list := []object{}
		for _, x := range c.connectionsOf(secure) {
			list = append(list, traffic(&x))
		}
		return list
	}
	return append(o, field{"connections", brief(false)}, field{"secure_connections", brief(true)}), err
}

func (c *Commands) systemProperties(url.Values) (object, error) {
	var o object
	all := c.source.Properties()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		o = append(o, field{name, all[name]})
	}
	return o, nil
}

func (c *Commands) votingView(url.Values) (object, error) {
	view := object{}
	for _, s := range c.source.Voters() {
		view = append(view, field{strconv.FormatInt(s.ID, 10), object{
			{"server_addresses", s.Quorum}, {"election_addresses", s.Election}, {"client_address", s.Client},
			{"learner_type", "participant"},
		}})
	}
	return object{{"current_config", view}}, nil
}

func (c *Commands) watches(url.Values) (object, error) {
	o := object{}
	order, paths := bySession(c.source.Watches())
	for _, id := range order {
		o = append(o, field{decimal(id), paths[id]})
	}
	return object{{"session_id_to_watched_paths", o}}, nil
}

func (c *Commands) watchesByPath(url.Values) (object, error) {
	o := object{}
	for _, w := range c.source.Watches() {
		o = append(o, field{w.Path, ids(w.Sessions)})
	}
	return object{{"path_to_session_ids", o}}, nil
}

func (c *Commands) watchSummary(url.Values) (object, error) {
	connections, paths, watches := c.source.WatchCounts()
	return object{{"num_connections", connections}, {"num_paths", paths}, {"num_total_watches", watches}}, nil
}

func (c *Commands) zabState(url.Values) (object, error) {
	z := c.source.Zab()
	if z == nil {
		return object{{"voting", false}, {"zabstate", ""}}, nil
	}
	return object{
		{"myid", z.ID}, {"is_leader", z.Leads}, {"quorum_address", addresses(z.Quorum)},
		{"election_address", addresses(z.Election)}, {"client_address", z.Client}, {"voting", z.Votes},
		{"last_zxid", fmt.Sprintf("0x%x", uint64(z.LastZxid))}, {"zab_epoch", z.LastZxid.Epoch()},
		{"zab_counter", int64(z.LastZxid.Counter())}, {"zabstate", z.Phase},
	}, nil
}
