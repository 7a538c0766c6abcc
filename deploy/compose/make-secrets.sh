#!/bin/sh
# Makes the secrets of compose.yaml, random ones, in the folder given (default: secrets/ beside this script). What is
# there already stays as it is, so that it may run again, and single files may be one's own.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
# Others of this host stay outside of the folder; inside, the containers' accounts must be able to read.
chmod 700 "$folder"
umask 022

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# Writes standard input to the file of this name, unless there is one.
keep() {
  if [ -e "$folder/$1" ]; then cat >/dev/null; else cat >"$folder/$1.new" && mv "$folder/$1.new" "$folder/$1"; fi
}

for name in mysql-password download-secret metrics-token jupyterhub-token jupyterhub-password; do
  random | keep "$name"
done
printf 'requirepass %s\n' "$(random)" | keep redis-password
printf 'mysql://staging:%s@mysql:3306/staging\n' "$(cat "$folder/mysql-password")" | keep database-url
printf 'redis://:%s@redis:6379\n' "$(cut -d ' ' -f 2 "$folder/redis-password")" | keep redis-url
