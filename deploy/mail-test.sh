#!/usr/bin/env bash
# Tries the mail channel against a real pair: postfix takes the mails and
# dovecot keeps them. Both listen on loopback only, on ports that were free, and
# have their settings, their queue and their mails in one folder, which is gone
# at the end: a postfix or dovecot of the machine is neither touched nor asked.
# What it cannot run it says in one sentence, and succeeds, unless
# WATCHERD_MAIL_TEST=must. It takes half a minute, and two at the very most.
#
# It needs root, for the users of postfix. In a container:
# apt-get install --no-install-recommends postfix dovecot-imapd dovecot-lmtpd openssl
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

skip() {
  echo "mail-test: skipped: $*" >&2
  [ "${WATCHERD_MAIL_TEST:-}" != must ] || exit 1
  exit 0
}
[ "$(id -u)" = 0 ] || skip 'it needs root, for the users of postfix'
PATH=$PATH:/usr/sbin:/sbin
for c in postfix postconf dovecot doveadm openssl go; do
  command -v "$c" >/dev/null || skip "$c is not installed"
done
[ -x /usr/lib/dovecot/imap ] || skip 'dovecot-imapd is not installed'
[ -x /usr/lib/dovecot/lmtp ] || skip 'dovecot-lmtpd is not installed'
case $(dovecot --version) in
  2.3.*) ;;
  *) skip "the settings are those of dovecot 2.3, and this is $(dovecot --version)" ;;
esac
for u in postfix mail; do
  id "$u" >/dev/null 2>&1 || skip "there is no user $u"
done
daemons=$(postconf -C builtin -dh daemon_directory 2>/dev/null) || skip 'this postfix does not say where its daemons are'
dist=
for f in /usr/share/postfix/master.cf.dist /etc/postfix/master.cf.proto /etc/postfix/master.cf; do
  [ -z "$dist" ] && [ -f "$f" ] && dist=$f
done
[ -n "$dist" ] || skip 'postfix has no master.cf'

dir=$(mktemp -d /var/tmp/watcherd-mail.XXXXXX)
stop() {
  status=$?
  trap - EXIT INT TERM HUP
  [ ! -f "$dir/postfix/main.cf" ] || timeout 10 postfix -c "$dir/postfix" stop >/dev/null 2>&1 || true
  [ ! -f "$dir/dovecot.conf" ] || timeout 10 doveadm -c "$dir/dovecot.conf" stop >/dev/null 2>&1 || true
  # Each leads a group of its own; whoever has not stopped by now is killed.
  for pid in "$dir/queue/pid/master.pid" "$dir/run/master.pid"; do
    [ ! -s "$pid" ] || kill -9 -- "-$(tr -d ' ' <"$pid")" 2>/dev/null || true
  done
  [ $status = 0 ] || tail -n 30 "$dir/dovecot.log" "$dir/postfix.log" "$dir/start.log" 2>/dev/null >&2 || true
  rm -rf "$dir"
  exit $status
}
trap stop EXIT
trap 'exit 1' INT TERM HUP
chmod 755 "$dir"
mkdir "$dir/postfix" "$dir/queue" "$dir/mail"
install -d -o postfix "$dir/data"
chown mail:mail "$dir/mail"

ports=()
for ((port = 20000 + RANDOM % 8000; ${#ports[@]} < 5; port++)); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || ports+=("$port")
done
smtp=${ports[0]} smtps=${ports[1]} imap=${ports[2]} imaps=${ports[3]} lmtp=${ports[4]}

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null

cat >"$dir/dovecot.conf" <<END
protocols = imap lmtp
listen = 127.0.0.1
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/dovecot.log
ssl = yes
ssl_cert = <$dir/cert.pem
ssl_key = <$dir/key.pem
disable_plaintext_auth = yes
auth_mechanisms = plain login
first_valid_uid = 1
mail_location = maildir:$dir/mail/%n
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=mail gid=mail home=$dir/mail/%n
}
service imap-login {
  inet_listener imap {
    port = $imap
  }
  inet_listener imaps {
    port = $imaps
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = $lmtp
  }
}
service auth {
  unix_listener $dir/queue/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
protocol lmtp {
  postmaster_address = postmaster@example.test
}
END

cat >"$dir/postfix/main.cf" <<END
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
command_directory = /usr/sbin
daemon_directory = $daemons
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.test
mydestination =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = example.test
virtual_transport = lmtp:inet:127.0.0.1:$lmtp
default_transport = error:no outbound mail from the test server
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access static:OK
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = $dir/cert.pem
smtpd_tls_key_file = $dir/key.pem
smtpd_tls_security_level = may
maillog_file = $dir/postfix.log
maillog_file_prefixes = /var
END
# Nothing is chrooted: that would copy files of the machine into the queue.
sed -E -e "s/^smtp +inet .*/127.0.0.1:$smtp inet n - n - - smtpd\n127.0.0.1:$smtps inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes/" \
  -e 's/^([a-z]\S*\s+(inet|unix|fifo|pass)\s+\S+\s+\S+\s+)[y-]/\1n/' "$dist" >"$dir/postfix/master.cf"
for f in dynamicmaps.cf postfix-files; do
  [ ! -f /etc/postfix/$f ] || cp /etc/postfix/$f "$dir/postfix/"
done

go test -c -o "$dir/email.test" ./pkg/notifier/email # not on the clock of the test
timeout 20 postfix -c "$dir/postfix" start >"$dir/start.log" 2>&1
timeout 20 dovecot -c "$dir/dovecot.conf" >>"$dir/start.log" 2>&1
for port in "${ports[@]}"; do
  for ((i = 0; i < 150; i++)); do
    ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || continue 2
    sleep 0.1
  done
  echo "mail-test: nobody listens on port $port after 15 s" >&2
  exit 1
done

export WATCHERD_MAIL_TEST="$dir/cert.pem smtp=$smtp smtps=$smtps imap=$imap imaps=$imaps"
cd pkg/notifier/email
timeout 90 "$dir/email.test" -test.timeout 80s -test.run '^TestRealServers$' -test.v
