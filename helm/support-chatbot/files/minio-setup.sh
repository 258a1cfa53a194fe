#!/bin/bash
# Creates in MinIO what the clients need: the bucket, and for each client a key that grants access only to its prefixes.
# Idempotent: sets existing objects again. Used by the chart's bootstrap Job and by compose.yaml.
#
#   MINIO_URL  MINIO_ROOT_USER  MINIO_ROOT_PASSWORD  BUCKET
#   KEY_<CLIENT>  SECRET_<CLIENT>    of api, drift, upkeep, retrain, staff, mlflow
#
# policies.txt, beside this script, says which prefixes a key opens. With a client as argument: prints its policy only.
set -euo pipefail
export MC_CONFIG_DIR=${MC_CONFIG_DIR:-/tmp/mc}
mkdir -p "$MC_CONFIG_DIR"

declare -A actions=([list]=ListBucket [read]=GetObject [write]="PutObject AbortMultipartUpload ListMultipartUploadParts"
  [delete]=DeleteObject [check]="GetObject PutObject DeleteObject")

# Prints words as a JSON list, the first argument before each.
json_list() {
  local words
  printf -v words ",\"$1%s\"" "${@:2}"
  printf '[%s]' "${words:1}"
}

# Prints the policy of a client, in bash alone: the image has no jq.
policy() {
  local row where statements="" bucket=arn:aws:s3:::$BUCKET
  # The last line may have no line break, as in a ConfigMap of the chart.
  while read -ra row || ((${#row[@]})); do
    [[ ${row[0]} == "$1" || ${row[0]} == each ]] || continue
    where="\"Resource\": $(json_list "$bucket/" "${row[@]:2}")"
    if [ "${row[1]}" = list ]; then
      where="\"Resource\": [\"$bucket\"], \"Condition\": {\"StringLike\": {\"s3:prefix\": $(json_list "" "${row[@]:2}")}}"
    fi
    # Unquoted: a verb may expand to several actions.
    statements+=", {\"Effect\": \"Allow\", \"Action\": $(json_list s3: ${actions[${row[1]}]}), $where}"
  done <"${0%/*}/policies.txt"
  printf '{"Version": "2012-10-17", "Statement": [%s]}' "${statements:2}"
}

if [ $# -gt 0 ]; then policy "$1"; exit; fi
echo "waiting for $MINIO_URL"
for ((attempt = 1; ; attempt++)); do
  mc alias set store "$MINIO_URL" "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" >/dev/null 2>&1 && break
  if ((attempt == ${ATTEMPTS:-120})); then
    mc alias set store "$MINIO_URL" "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" || true
    echo "$MINIO_URL did not take the root key in time: is MinIO up, and is this the key it was started with?" >&2
    exit 1
  fi
  sleep 1
done

mc mb --ignore-existing "store/$BUCKET"
for client in api drift upkeep retrain staff mlflow; do
  key_name=KEY_${client^^} secret_name=SECRET_${client^^}
  policy "$client" >"$MC_CONFIG_DIR/policy.json"
  mc admin policy create store "$BUCKET-$client" "$MC_CONFIG_DIR/policy.json" >/dev/null
  # The secret goes in over standard input: an argument could be read by other processes.
  printf '%s\n%s\n' "${!key_name}" "${!secret_name}" | mc admin user add store >/dev/null
  # mc reports an error if the policy is attached already, so only the final state is checked.
  mc admin policy attach store "$BUCKET-$client" --user "${!key_name}" >/dev/null 2>&1 || true
  mc admin user info --json store "${!key_name}" | while read -r line; do
    [[ $line == *"$BUCKET-$client"* ]] && echo yes
  done | { read -r attached && [ "$attached" = yes ]; } || {
    echo "the policy $BUCKET-$client could not be attached to the user ${!key_name}" >&2
    exit 1
  }
  echo "client $client: its own key, its own prefixes"
done
rm -rf "$MC_CONFIG_DIR"
