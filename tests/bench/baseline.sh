#!/bin/sh
# What a pair of shell scripts does for the same events, as a measure for tests/bench/events.py:
# as many iptables and ip commands, of the same kinds, as the scripts that this project
# replaces. The tunnel, its addresses and its route are left out, as they are on the other side.
#   baseline.sh mape-start|mape-stop|pppoe-start|pppoe-stop TUNNEL PPP ADDRESS
set -eu

event=$1 tun=$2 ppp=$3 address=$4
shared=192.0.2.18 psid=1

unclamp() {
    iptables -t mangle -L -n -v --line-numbers | grep "TCPMSS.*$tun.*clamp" | cut -f1 -d ' ' |
        sort -r | xargs -n1 -r iptables -t mangle -D FORWARD
}

# client PROTOCOL PORT
client() {
    iptables -A MAPEINPUT -p "$1" --sport "$2" -m state --state ESTABLISHED -j ACCEPT
    iptables -A MAPEOUTPUT -p "$1" --dport "$2" -m state --state NEW,ESTABLISHED -j ACCEPT
}

mape_start() {
    for chain in INPUT OUTPUT FORWARD; do iptables -P $chain DROP; done
    sysctl -qw net.ipv4.ip_forward=1
    sysctl -qw net.ipv6.conf.all.forwarding=1
    for device in wan0 lan0 lo; do sysctl -qw net.ipv6.conf.$device.accept_ra=2; done
    for chain in INPUT OUTPUT FORWARD; do iptables -N MAPE$chain; done
    for chain in OUTPUT PREROUTING POSTROUTING; do iptables -t nat -N MAPEnat$chain; done
    rule=1
    while [ "$rule" -le 63 ]; do
        # shellcheck disable=SC2003 # expr is what the scripts use, and part of their time
        mark=$(expr "$rule" + 16) nth=$(expr "$rule" - 1 || :) # 0 is no failure
        # shellcheck disable=SC2003
        low=$(expr "$rule" \* 1024 + $psid \* 16)
        # shellcheck disable=SC2003
        high=$(expr "$low" + 15)
        unclamp
        for chain in PREROUTING OUTPUT; do
            iptables -t nat -A MAPEnat$chain -m statistic --mode nth --every 63 \
                --packet "$nth" -j MARK --set-mark "$mark"
        done
        for protocol in icmp tcp udp; do
            iptables -t nat -A MAPEnatPOSTROUTING -p $protocol -o "$tun" -m mark \
                --mark "$mark" -j SNAT --to "$shared:$low-$high"
        done
        # shellcheck disable=SC2003
        rule=$(expr "$rule" + 1)
    done
    iptables -t mangle -o "$tun" --insert FORWARD 1 -p tcp --tcp-flags SYN,RST SYN \
        -m tcpmss --mss 1400:65495 -j TCPMSS --clamp-mss-to-pmtu
    iptables -A MAPEFORWARD -m state --state ESTABLISHED,RELATED -j ACCEPT
    iptables -A MAPEINPUT -p icmp --icmp-type echo-reply -d $shared -j ACCEPT
    iptables -A MAPEOUTPUT -p icmp --icmp-type echo-request -s $shared -j ACCEPT
    iptables -A MAPEINPUT -f -j DROP
    iptables -A MAPEINPUT -p tcp --tcp-flags ALL ALL -j DROP
    iptables -A MAPEINPUT -p tcp --tcp-flags ALL NONE -j DROP
    iptables -A MAPEINPUT -p tcp ! --syn -m state --state NEW -j DROP
    for port in 22 25 53 80 443; do client tcp $port; done
    for port in 53 123; do client udp $port; done
    for port in 135 137:139 445; do
        for protocol in tcp udp; do
            iptables -A MAPEFORWARD -p $protocol --dport $port -j DROP
        done
    done
    for chain in INPUT OUTPUT FORWARD; do iptables -A $chain -j MAPE$chain; done
    for chain in OUTPUT PREROUTING POSTROUTING; do
        iptables -t nat -A $chain -j MAPEnat$chain
    done
}

mape_stop() {
    sysctl -qw net.ipv4.ip_forward=0
    sysctl -qw net.ipv6.conf.all.forwarding=0
    for device in wan0 lan0 lo; do sysctl -qw net.ipv6.conf.$device.accept_ra=1; done
    unclamp
    for chain in INPUT OUTPUT FORWARD; do
        iptables -D $chain -j MAPE$chain
        iptables -F MAPE$chain
        iptables -X MAPE$chain
    done
    for chain in OUTPUT PREROUTING POSTROUTING; do
        iptables -t nat -D $chain -j MAPEnat$chain
        iptables -t nat -F MAPEnat$chain
        iptables -t nat -X MAPEnat$chain
    done
    for chain in INPUT OUTPUT FORWARD; do iptables -P $chain ACCEPT; done
}

# offer PORT [TARGET]: a service on PPPoE
offer() {
    iptables -A PPPOEINPUT -i "$ppp" -d "$address" -p tcp --dport "$1" \
        -m state --state NEW,ESTABLISHED -j ACCEPT
    iptables -A PPPOEOUTPUT -o "$ppp" -s "$address" -p tcp --sport "$1" -j ACCEPT
}

pppoe_start() {
    ip -4 -o address show "$ppp" | awk '{print $4}' >/dev/null
    ip -4 -o address show lan0 | awk '{print $4}' >/dev/null
    ip rule add from "$address" table 100 prio 100
    ip route add default dev "$ppp" table 100
    for chain in INPUT OUTPUT FORWARD; do iptables -N PPPOE$chain; done
    iptables -A PPPOEFORWARD -o "$ppp" -p tcp --tcp-flags SYN,RST SYN \
        -j TCPMSS --clamp-mss-to-pmtu
    iptables -A PPPOEINPUT -i "$ppp" -d "$address" -p tcp --dport 113 \
        -j REJECT --reject-with tcp-reset
    iptables -A PPPOEOUTPUT -o "$ppp" -s "$address" -p tcp --sport 113 -j ACCEPT
    iptables -N PPPOESSHATTACK
    iptables -A PPPOESSHATTACK -m recent --name sshblacklist --set \
        -j LOG --log-prefix 'SSHATTACK: '
    iptables -A PPPOESSHATTACK -j REJECT
    iptables -N PPPOESSHCONNECT
    iptables -A PPPOESSHCONNECT -m recent --name sshblacklist --rcheck --seconds 600 -j REJECT
    iptables -A PPPOESSHCONNECT -m recent --name sshchecklist --rcheck --seconds 60 \
        --hitcount 5 -j PPPOESSHATTACK
    iptables -A PPPOESSHCONNECT -m recent --name sshchecklist --set
    iptables -A PPPOESSHCONNECT -j ACCEPT
    iptables -A PPPOEINPUT -i "$ppp" -d "$address" -p tcp --dport 22 \
        -m state --state ESTABLISHED -j ACCEPT
    iptables -A PPPOEINPUT -i "$ppp" -d "$address" -p tcp --dport 22 \
        -m state --state NEW -j PPPOESSHCONNECT
    iptables -A PPPOEOUTPUT -o "$ppp" -s "$address" -p tcp --sport 22 -j ACCEPT
    for port in 25 80 443; do offer $port; done
    for chain in INPUT OUTPUT FORWARD; do iptables -A $chain -j PPPOE$chain; done
}

pppoe_stop() {
    ip -4 -o address show "$ppp" | awk '{print $4}' >/dev/null
    iptables -D PPPOESSHCONNECT -m recent --name sshchecklist --rcheck --seconds 60 \
        --hitcount 5 -j PPPOESSHATTACK
    iptables -D PPPOEINPUT -i "$ppp" -d "$address" -p tcp --dport 22 \
        -m state --state NEW -j PPPOESSHCONNECT
    for chain in SSHCONNECT SSHATTACK; do iptables -F PPPOE$chain; done
    for chain in SSHCONNECT SSHATTACK; do iptables -X PPPOE$chain; done
    for chain in INPUT OUTPUT FORWARD; do
        iptables -D $chain -j PPPOE$chain
        iptables -F PPPOE$chain
        iptables -X PPPOE$chain
    done
    ip route del default dev "$ppp" table 100
    ip rule del from "$address" table 100 prio 100
}

case $event in
mape-start) mape_start ;;
mape-stop) mape_stop ;;
pppoe-start) pppoe_start ;;
pppoe-stop) pppoe_stop ;;
*) echo "baseline.sh: unknown event $event" >&2 && exit 2 ;;
esac
