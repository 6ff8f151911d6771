package top

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gokeeper/server/survey"
)

// java is a line of cons of a Java server, behind that of a connection that asks a word.
const java = " /127.0.0.1:57904[0](queued=0,recved=1,sent=0)\n" +
	" /127.0.0.1:57850[1](queued=0,recved=917,sent=917,sid=0x1000011668d0000,lop=PING,est=1795342786971,to=10000," +
	"lcxid=0x393,lzxid=0x133,lresp=1145023,llat=3,minlat=0,avglat=2,maxlat=4)\n\n"

func TestClients(t *testing.T) {
	got := clients(java)
	want := Client{"127.0.0.1:57850", "0x1000011668d0000", "PING", 917, 2}
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestFrame draws two servers, one of which is down.
func TestFrame(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	sample := func(taken time.Time, packets int64, reads, sum, bytes float64) Sample {
		return Sample{taken, []Server{
			{Address: "a:2181", Summary: survey.Server{Mode: "leader", Zxid: 0x100000009, Received: packets, Sent: packets, Nodes: 7, Connections: 2, MaxLatency: 12},
				Values:  map[string]float64{"cnt_readlatency": reads, "sum_readlatency": sum, "sum_app_read_per_namespace": bytes},
				Clients: []Client{{"1.2.3.4:5", "0x1", "GETD", float64(packets), 3}}},
			{Address: "b:2181", Summary: survey.Server{Mode: "follower", Zxid: 0x100000004}, NoMore: survey.ErrRefused},
			{Address: "c:2181", Err: errors.New("connection refused")},
		}}
	}
	got := strings.Join(Frame(sample(at, 100, 10, 5, 0), sample(at.Add(2*time.Second), 120, 14, 7, 4096), 0, 0), "\n")
	const want = `gokeeper top  2026-01-02 03:04:07

SERVER               MODE       ZXID                LAG     NODES CLIENTS QUEUED
a:2181               leader     0x100000009           0         7       2      0
b:2181               follower   0x100000004           5         0       0      0
c:2181               connection refused

SERVER                  IN/s   OUT/s  READS/s WRITES/s  READ ms WRITE ms MAX ms
a:2181                    10      10      2.0        -     0.50        -     12
b:2181                     0       0        -        -        -        -      0

CLIENT                   SESSION              SERVER                        IN/s   MEAN ms  LAST
1.2.3.4:5                0x1                  a:2181                        10.0         3  GETD

PATH                        BYTES READ/s       WRITTEN/s
/app                                2048               0

b:2181 tells no more: the word is not on the server's whitelist (4lw.commands.whitelist)`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	small := Frame(sample(at, 0, 0, 0, 0), sample(at, 0, 0, 0, 0), 20, 4)
	if len(small) != 4 || len(small[2]) != 20 {
		t.Errorf("a terminal of 20 by 4 gets %q", small)
	}
}
