#!/bin/sh
# Makes the secrets that deploy/compose.yaml and the overlay for Kubernetes read, and leaves those alone that exist.
#
#   deploy/make-secrets.sh FOLDER [POSTGRES_HOST]
set -eu
folder=${1:?give the folder}
host=${2:-postgres}

# The folder is closed. The files are not: containers see them as another user.
mkdir -p "$folder"
chmod 700 "$folder"

make() {
  [ -s "$folder/$1" ] || { cat >"$folder/$1.new" && chmod 644 "$folder/$1.new" && mv "$folder/$1.new" "$folder/$1"; }
}
openssl rand -hex 32 | make postgres_password
openssl rand -base64 48 | make internal_key
openssl rand -base64 18 | make admin_password
printf 'postgresql://postgres:%s@%s:5432/postgres\n' "$(cat "$folder/postgres_password")" "$host" | make database_url
