"""The only code that touches the machine.

`kernel.KernelHost` implements the protocol `api.Host` on this machine, `fake.FakeHost` in
memory, for tests. Each other file is one kernel interface or program:

    netlink, rtnl       links, addresses, routes and rules: rtnetlink, by pyroute2
    prefix, watch       IPv6 prefixes, and news of them: rtnetlink, and udev by pyudev
    nft                 nft tables: libnftables, by python3-nftables
    nft_names           names of nft tables: nfnetlink, by a socket of its own
    sysctl, xtables     /proc/sys, /proc/net/ip_tables_names
    conntrack, pppd     conntrack(8), pon(1) and poff(1), started by program
    ndp, ping           raw ICMPv6 and ICMP sockets
    store, lock         /run/dualwan, which is lost at boot
    answers, leases     /var/lib/dualwan, and the lease files of DHCPv6 clients
    remote/             DNS and HTTPS

nftables is reached in three ways, because none of them does all. Tables are loaded and listed as
text, the language that nft(8) documents, in one libnftables transaction. Counters of the elements
of a set are listed as JSON, because libnftables' text of a set has no grammar that is stable
enough to parse. The names of all tables are read by raw netlink: libnftables reads every rule of
the machine for `list tables` (tens of milliseconds), and each PPPoE event asks for them.
"""
