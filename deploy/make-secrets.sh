#!/bin/sh
# Makes the secrets that deploy/compose.yaml and the overlay for Kubernetes read, and leaves those alone that exist. For Kubernetes
# change the URLs to those of your servers: they are made for servers named postgres, nats and redis, and for no mail.
#
#   deploy/make-secrets.sh FOLDER [POSTGRES_HOST]
set -eu
folder=${1:?give the folder}
host=${2:-postgres}

# The folder is closed. The files are not: containers see them as another user.
mkdir -p "$folder"
chmod 700 "$folder"

make() {
  name=$1
  shift
  [ -s "$folder/$name" ] || { "$@" >"$folder/$name.new" && chmod 644 "$folder/$name.new" && mv "$folder/$name.new" "$folder/$name"; }
}
make postgres_password openssl rand -hex 32
make internal_key openssl rand -base64 48
make admin_password openssl rand -base64 18
make database_url printf 'postgresql://postgres:%s@%s:5432/postgres\n' "$(cat "$folder/postgres_password")" "$host"
make nats_url echo nats://nats:4222
make redis_url echo redis://redis:6379
make smtp_url true
