#!/bin/sh
### parameters
WANDEV='enp1s0'
TUNDEV='ip6tnl1'
#http://ipv4.web.fc2.com/map-e.html
BR='????:????:????:????' #peeraddr
CE='????:????:????:????:????:????:????:????'
IP4='???.???.???.???'
PSID='?'
### map stop
CHAIN='MAPE'
if [ "stop" = "$MODE" ]; then
sysctl -w net.ipv4.ip_forward=0
sysctl -w net.ipv6.conf.all.forwarding=0
sysctl -w net.ipv6.conf.enp1s0.accept_ra=1
sysctl -w net.ipv6.conf.wlp2s0.accept_ra=1
sysctl -w net.ipv6.conf.enp3s0.accept_ra=1
iptables -t mangle -L -n -v --line-numbers \
| grep "TCPMSS.*$TUNDEV.*clamp" | cut -f1 -d " " \
| sort -r | xargs -n1 -r iptables -t mangle -D FORWARD
for i in INPUT OUTPUT FORWARD; do
iptables -D $i -j ${CHAIN}$i
iptables -F ${CHAIN}$i
iptables -X ${CHAIN}$i
done
for i in OUTPUT PREROUTING POSTROUTING; do
iptables -t nat -D $i -j ${CHAIN}nat$i
iptables -t nat -F ${CHAIN}nat$i
iptables -t nat -X ${CHAIN}nat$i
done
iptables -P INPUT ACCEPT
iptables -P OUTPUT ACCEPT
iptables -P FORWARD ACCEPT
ip -4 route del default dev $TUNDEV
ip -6 address del $CE dev $WANDEV
ip -6 tunnel del $TUNDEV
exit 0
elif [ "start" = "$MODE" ]; then
ip -6 address add $CE dev $WANDEV
ip -6 tunnel add $TUNDEV mode ip4ip6 \
remote $BR local $CE dev $WANDEV encaplimit none
ip link set dev $TUNDEV mtu 1460
ip link set dev $TUNDEV up
ip -4 address add $IP4 dev $TUNDEV
ip -4 route add default dev $TUNDEV
iptables -P INPUT DROP
iptables -P OUTPUT DROP
iptables -P FORWARD DROP
sysctl -w net.ipv4.ip_forward=1
sysctl -w net.ipv6.conf.all.forwarding=1
sysctl -w net.ipv6.conf.enp1s0.accept_ra=2
sysctl -w net.ipv6.conf.wlp2s0.accept_ra=2
sysctl -w net.ipv6.conf.enp3s0.accept_ra=2
else
echo unknown MODE
exit 1
fi
### map start
iptables -N ${CHAIN}INPUT
iptables -N ${CHAIN}OUTPUT
iptables -N ${CHAIN}FORWARD
iptables -t nat -N ${CHAIN}natOUTPUT
iptables -t nat -N ${CHAIN}natPREROUTING
iptables -t nat -N ${CHAIN}natPOSTROUTING
# nat
rule=1
while [ $rule -le 63 ] ; do
mark=`expr $rule + 16`
pn=`expr $rule - 1`
portl=`expr $rule \* 1024 + $PSID \* 16`
portr=`expr $portl + 15`
iptables -t mangle -L -n -v --line-numbers \
| grep "TCPMSS.*$TUNDEV.*clamp" | cut -f1 -d " " \
| sort -r | xargs -n1 -r iptables -t mangle -D FORWARD
iptables -t nat -A ${CHAIN}natPREROUTING -m statistic \
--mode nth --every 63 --packet $pn -j MARK --set-mark $mark
iptables -t nat -A ${CHAIN}natOUTPUT -m statistic \
--mode nth --every 63 --packet $pn -j MARK --set-mark $mark
iptables -t nat -A ${CHAIN}natPOSTROUTING -p icmp \
-o $TUNDEV -m mark --mark $mark -j SNAT --to $IP4:$portl-$portr
iptables -t nat -A ${CHAIN}natPOSTROUTING -p tcp \
-o $TUNDEV -m mark --mark $mark -j SNAT --to $IP4:$portl-$portr
iptables -t nat -A ${CHAIN}natPOSTROUTING -p udp \
-o $TUNDEV -m mark --mark $mark -j SNAT --to $IP4:$portl-$portr
rule=`expr $rule + 1`
done
# for big packet
iptables -t mangle -o $TUNDEV --insert FORWARD 1 \
-p tcp --tcp-flags SYN,RST SYN -m tcpmss --mss 1400:65495 \
-j TCPMSS --clamp-mss-to-pmtu
# for return packet
iptables -A ${CHAIN}FORWARD -m state --state ESTABLISHED,RELATED -j ACCEPT
# ping
iptables -A ${CHAIN}INPUT -p icmp --icmp-type echo-reply -d $IP4 -j ACCEPT
iptables -A ${CHAIN}OUTPUT -p icmp --icmp-type echo-request -s $IP4 -j ACCEPT
# security
iptables -A ${CHAIN}INPUT -f -j DROP
iptables -A ${CHAIN}INPUT -p tcp --tcp-flags ALL ALL -j DROP
iptables -A ${CHAIN}INPUT -p tcp --tcp-flags ALL NONE -j DROP
iptables -A ${CHAIN}INPUT -p tcp ! --syn -m state --state NEW -j DROP
# SSH client
iptables -A ${CHAIN}INPUT -p tcp --sport 22 \
-m state --state ESTABLISHED -j ACCEPT
iptables -A ${CHAIN}OUTPUT -p tcp --dport 22 \
-m state --state NEW,ESTABLISHED -j ACCEPT
# SMTP client
iptables -A ${CHAIN}INPUT -p tcp --sport 25 \
-m state --state ESTABLISHED -j ACCEPT
iptables -A ${CHAIN}OUTPUT -p tcp --dport 25 \
-m state --state NEW,ESTABLISHED -j ACCEPT
# DNS lookup
iptables -A ${CHAIN}INPUT -p tcp --sport 53 \
-m state --state ESTABLISHED -j ACCEPT
iptables -A ${CHAIN}OUTPUT -p tcp --dport 53 \
-m state --state NEW,ESTABLISHED -j ACCEPT
iptables -A ${CHAIN}INPUT -p udp --sport 53 \
-m state --state ESTABLISHED -j ACCEPT
iptables -A ${CHAIN}OUTPUT -p udp --dport 53 \
-m state --state NEW,ESTABLISHED -j ACCEPT
# HTTP client
iptables -A ${CHAIN}INPUT -p tcp --sport 80 \
-m state --state ESTABLISHED -j ACCEPT
iptables -A ${CHAIN}OUTPUT -p tcp --dport 80 \
-m state --state NEW,ESTABLISHED -j ACCEPT
# HTTPS client
iptables -A ${CHAIN}INPUT -p tcp --sport 443 \
-m state --state ESTABLISHED -j ACCEPT
iptables -A ${CHAIN}OUTPUT -p tcp --dport 443 \
-m state --state NEW,ESTABLISHED -j ACCEPT
# NTP query
iptables -A ${CHAIN}INPUT -p udp --sport 123 \
-m state --state ESTABLISHED -j ACCEPT
iptables -A ${CHAIN}OUTPUT -p udp --dport 123 \
-m state --state NEW,ESTABLISHED -j ACCEPT
# SMB block
iptables -A ${CHAIN}FORWARD -p tcp --dport 135 -j DROP
iptables -A ${CHAIN}FORWARD -p udp --dport 135 -j DROP
iptables -A ${CHAIN}FORWARD -p tcp --dport 137:139 -j DROP
iptables -A ${CHAIN}FORWARD -p udp --dport 137:139 -j DROP
iptables -A ${CHAIN}FORWARD -p tcp --dport 445 -j DROP
iptables -A ${CHAIN}FORWARD -p udp --dport 445 -j DROP
###
iptables -A INPUT -j ${CHAIN}INPUT
iptables -A OUTPUT -j ${CHAIN}OUTPUT
iptables -A FORWARD -j ${CHAIN}FORWARD
iptables -t nat -A OUTPUT -j ${CHAIN}natOUTPUT
iptables -t nat -A PREROUTING -j ${CHAIN}natPREROUTING
iptables -t nat -A POSTROUTING -j ${CHAIN}natPOSTROUTING
exit 0
