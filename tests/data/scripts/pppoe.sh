#!/bin/sh
### parameters
WAN=${WAN:-ppp0}
LAN=${LAN:-enp3s0}
### pppoe stop
CHAIN='PPPOE'
if [ "stop" = "$MODE" ]; then
WANHOST=$(ip -4 -o address show $WAN | awk '{print $4}')
poff dsl-provider
iptables -D ${CHAIN}SSHCONNECT -m recent --name sshchecklist \
--rcheck --seconds 60 --hitcount 5 -j ${CHAIN}SSHATTACK
iptables -D ${CHAIN}INPUT -i $WAN -d $WANHOST -p tcp --dport 22 \
-m state --state NEW -j ${CHAIN}SSHCONNECT
iptables -F ${CHAIN}SSHCONNECT
iptables -F ${CHAIN}SSHATTACK
iptables -X ${CHAIN}SSHCONNECT
iptables -X ${CHAIN}SSHATTACK
for i in INPUT OUTPUT FORWARD; do
iptables -D $i -j ${CHAIN}$i
iptables -F ${CHAIN}$i
iptables -X ${CHAIN}$i
done
ip route del default via $WANHOST table 100
ip rule del from $WANHOST table 100 prio 100
exit 0
elif [ "start" = "$MODE" ]; then
pon dsl-provider
TRYNUM=0
while :
do
TRYNUM=$(expr $TRYNUM + 1)
WANHOST=$(ip -4 -o address show $WAN | awk '{print $4}')
if [ -n "$WANHOST" ]; then
break
fi
if [ 99 -le $TRYNUM ]; then
exit 1
fi
sleep 1
done
else
echo unknown MODE
exit 1
fi
### pppoe start
TRYNUM=0
while :
do
TRYNUM=$(expr $TRYNUM + 1)
LANADDR=$(ip -4 -o address show $LAN | awk '{print $4}')
if [ -n "$LANADDR" ]; then
break
fi
if [ 99 -le $TRYNUM ]; then
exit 1
fi
sleep 1
done
# PBR
ip rule add from $WANHOST table 100 prio 100
ip route add default via $WANHOST table 100
### server
iptables -N ${CHAIN}INPUT
iptables -N ${CHAIN}OUTPUT
iptables -N ${CHAIN}FORWARD
# for big packet and ident
iptables -A ${CHAIN}FORWARD -o $WAN \
-p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
iptables -A ${CHAIN}INPUT -i $WAN -d $WANHOST -p tcp --dport 113 \
-j REJECT --reject-with tcp-reset
iptables -A ${CHAIN}OUTPUT -o $WAN -s $WANHOST -p tcp --sport 113 -j ACCEPT
# SSH
iptables -N ${CHAIN}SSHATTACK
iptables -A ${CHAIN}SSHATTACK -m recent --name sshblacklist \
--set -j LOG --log-prefix "SSHATTACK: "
iptables -A ${CHAIN}SSHATTACK -j REJECT
iptables -N ${CHAIN}SSHCONNECT
iptables -A ${CHAIN}SSHCONNECT -m recent --name sshblacklist \
--rcheck --seconds 600 -j REJECT
iptables -A ${CHAIN}SSHCONNECT -m recent --name sshchecklist \
--rcheck --seconds 60 --hitcount 5 -j ${CHAIN}SSHATTACK
iptables -A ${CHAIN}SSHCONNECT -m recent --name sshchecklist --set
iptables -A ${CHAIN}SSHCONNECT -j ACCEPT
iptables -A ${CHAIN}INPUT -i $WAN -d $WANHOST -p tcp --dport 22 \
-m state --state ESTABLISHED -j ACCEPT
iptables -A ${CHAIN}INPUT -i $WAN -d $WANHOST -p tcp --dport 22 \
-m state --state NEW -j ${CHAIN}SSHCONNECT
iptables -A ${CHAIN}OUTPUT -o $WAN -s $WANHOST -p tcp --sport 22 -j ACCEPT
# SMTP
iptables -A ${CHAIN}INPUT -i $WAN -d $WANHOST -p tcp --dport 25 \
-m state --state NEW,ESTABLISHED -j ACCEPT
iptables -A ${CHAIN}OUTPUT -o $WAN -s $WANHOST -p tcp --sport 25 -j ACCEPT
# HTTP
iptables -A ${CHAIN}INPUT -i $WAN -d $WANHOST -p tcp --dport 80 \
-m state --state NEW,ESTABLISHED -j ACCEPT
iptables -A ${CHAIN}OUTPUT -o $WAN -s $WANHOST -p tcp --sport 80 -j ACCEPT
# HTTPS
iptables -A ${CHAIN}INPUT -i $WAN -d $WANHOST -p tcp --dport 443 \
-m state --state NEW,ESTABLISHED -j ACCEPT
iptables -A ${CHAIN}OUTPUT -o $WAN -s $WANHOST -p tcp --sport 443 -j ACCEPT
###
iptables -A INPUT -j ${CHAIN}INPUT
iptables -A OUTPUT -j ${CHAIN}OUTPUT
iptables -A FORWARD -j ${CHAIN}FORWARD
exit 0
