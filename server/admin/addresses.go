package admin

import (
	"net"
	"strconv"
)

// addresses is what zabstate shows of the addresses of a member: all that Java's class
// MultipleAddresses derives from them. Whether they can be reached is not tried here.
func addresses(list []string) object {
	hosts, wildcards, ports, one := []string{}, []string{}, []int64{}, ""
	for _, a := range list {
		host, port, _ := net.SplitHostPort(a)
		hosts, wildcards = append(hosts, host), append(wildcards, "0.0.0.0:"+port)
		n, _ := strconv.ParseInt(port, 10, 64)
		ports = append(ports, n)
	}
	if len(list) > 0 {
		one = list[0]
	}
	return object{
		{"empty", len(list) == 0}, {"all_addresses", list}, {"all_reachable_addresses", list}, {"one", one},
		{"reachable_address", one}, {"wildcard_addresses", wildcards}, {"all_ports", ports}, {"all_host_strings", hosts},
		{"all_reachable_addresses_or_all", list}, {"reachable_or_one", one},
	}
}
