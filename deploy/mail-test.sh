#!/usr/bin/env bash
# Tries the mail channel against a real pair: postfix takes the mails and
# dovecot keeps them, both on loopback, in a folder of their own, and gone at
# the end. Needs root, postfix, dovecot-imapd, dovecot-lmtpd and openssl, and no
# postfix that runs already; otherwise it says so and exits 0.
#
# In a container: apt-get install --no-install-recommends postfix dovecot-imapd dovecot-lmtpd
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

skip() { echo "mail-test: skipped: $*"; exit 0; }
[ "$(id -u)" = 0 ] || skip 'it needs root, for the ports and users of postfix'
for c in postfix dovecot doveadm openssl go; do
  command -v "$c" >/dev/null || skip "$c is not installed"
done
[ -x /usr/lib/dovecot/lmtp ] || skip 'dovecot-lmtpd is not installed'
[ -f /etc/postfix/master.cf ] || [ -f /usr/share/postfix/master.cf.dist ] || skip 'postfix has no master.cf'
postfix status 2>/dev/null && skip 'a postfix runs already, and this one would share its queue'

dir=$(mktemp -d /var/tmp/watcherd-mail.XXXXXX)
chmod 755 "$dir"
mkdir "$dir/postfix" "$dir/mail"
chown mail:mail "$dir/mail"
main=/etc/postfix/main.cf
had=no
[ -f $main ] && { had=yes; cp -p $main "$dir/main.cf.before"; }

stop() {
  status=$?
  postfix -c "$dir/postfix" stop >/dev/null 2>&1 || true
  doveadm -c "$dir/dovecot.conf" stop >/dev/null 2>&1 || true
  if [ $had = yes ]; then cp -p "$dir/main.cf.before" $main; else rm -f $main; fi
  if [ $status != 0 ]; then tail -n 30 "$dir/dovecot.log" "$dir/postfix.log" 2>/dev/null >&2 || true; fi
  rm -rf "$dir"
}
trap stop EXIT

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null

cat >"$dir/dovecot.conf" <<END
protocols = imap lmtp
listen = 127.0.0.1
base_dir = $dir/run
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
    port = 1143
  }
  inet_listener imaps {
    port = 1993
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = 2424
  }
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
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
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.test
mydestination =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = example.test
virtual_transport = lmtp:inet:127.0.0.1:2424
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
dist=/etc/postfix/master.cf
[ -f $dist ] || dist=/usr/share/postfix/master.cf.dist
sed -e 's/^smtp      inet .*/127.0.0.1:2525 inet n - n - - smtpd\n127.0.0.1:2465 inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes/' "$dist" >"$dir/postfix/master.cf"
for f in dynamicmaps.cf postfix-files; do
  [ ! -f /etc/postfix/$f ] || cp /etc/postfix/$f "$dir/postfix/"
done
touch $main
echo "alternate_config_directories = $dir/postfix" >>$main

dovecot -c "$dir/dovecot.conf"
postfix -c "$dir/postfix" start
for port in 1143 1993 2424 2465 2525; do
  for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
  done
done

WATCHERD_MAIL_TEST="$dir/cert.pem" go test -count=1 -timeout 3m -run '^TestRealServers$' -v ./pkg/notifier/email
