"""The only code that touches the machine.

`kernel.KernelHost` implements the protocol `api.Host` on this machine, `fake.FakeHost` in
memory, for tests. Each other file is one kernel interface or program:

    netlink, rtnl       links, addresses, routes and rules: rtnetlink; rtnl_request by pyroute2
    prefix, watch       IPv6 prefixes, and news of them: rtnetlink, and udev by pyudev
    tables, records     nft tables of ours: loaded, recorded, and whether they are unchanged
    nft                 libnftables, by python3-nftables
    nfnetlink           netfilter over netlink, by a socket of its own, for:
    nft_names             the names of all tables
    nft_handles           what tells whether a table is unchanged
    nft_counts            packets by counter, and by element of a set
    conntrack             entries of an address
    sysctl, xtables     /proc/sys, /proc/net/ip_tables_names
    pppd                pon(1) and poff(1), started by program
    ndp, ping           raw ICMPv6 and ICMP sockets
    store, lock         /run/dualwan, which is lost at boot; by run_files
    answers, leases     /var/lib/dualwan, and the lease files of DHCPv6 clients
    last_good, trials   /var/lib/dualwan: the configuration applied last, and one that is tried
    conntrackd          conntrackd(8), for a router of two
    around/             what other programs have set up: the surroundings of the findings
    evidence/           what a diagnosis looks at, asks and hears
    notice/             the owner's scripts in hooks.d
    remote/             DNS and HTTPS

nftables is reached in two ways. Tables are loaded as text, the language that nft(8) documents, in
one libnftables transaction. All that is read is read by raw netlink, whose numbers stay, while
the words of nft's listings change from version to version.
"""
