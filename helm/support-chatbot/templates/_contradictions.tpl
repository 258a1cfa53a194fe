{{/* "500m" -> 0.5: a quantity of the resources as a number. */}}
{{- define "chart.amount" -}}
{{- $units := dict "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976 -}}
{{- $unit := toString . | regexFind "[A-Za-z]+$" -}}
{{- mulf (toString . | trimSuffix $unit | float64) (get $units $unit | default 1 | float64) -}}
{{- end }}
{{/* (list "CHATBOT_WORKRES" $known) -> ": did you mean CHATBOT_WORKERS?": by the pairs of letters that both names have. */}}
{{- define "chart.closest" -}}
{{- $name := first . | trimPrefix "CHATBOT_" -}}
{{- $closest := "" -}}
{{- $most := 0.4 -}}
{{- range $candidate := index . 1 -}}
{{- $known := trimPrefix "CHATBOT_" $candidate -}}
{{- $shared := 0 -}}
{{- range $i := until (sub (len $name) 1 | int | max 0 | int) -}}
{{- if contains (substr $i (int (add $i 2)) $name) $known }}{{ $shared = add1 $shared }}{{ end -}}
{{- end -}}
{{- $likeness := divf (mulf 2 $shared) (add (len $name) (len $known) | float64) -}}
{{- if gt $likeness $most }}{{ $most = $likeness }}{{ $closest = $candidate }}{{ end -}}
{{- end -}}
{{- with $closest }}: did you mean {{ . }}?{{ else }}: see docs/settings.md{{ end -}}
{{- end }}
{{/* (list "CHATBOT_WORKRES" .) -> why a variable with this project's prefix is refused; empty: it is known. */}}
{{- define "chart.unknown" -}}
{{- $name := first . -}}
{{- $known := (index . 1).Files.Get "files/settings.txt" | trim | splitList "\n" -}}
{{- if and (hasPrefix "CHATBOT_" $name) (not (hasPrefix "CHATBOT_SLOT_" $name)) (not (has $name $known)) -}}
{{ $name }}, which is not a setting{{ include "chart.closest" (list $name $known) }}
{{- end -}}
{{- end }}
{{/* What the schema cannot say: values that contradict each other, refused with their paths. */}}
{{- define "chart.contradictions" -}}
{{- $v := .Values -}}
{{- $found := list -}}
{{- $scaling := $v.api.autoscaling -}}
{{- with include "chart.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .) -}}
{{- $found = append $found (printf "%s is not a valid name for a Service (a letter, then a-z, 0-9 and -): set fullnameOverride, or choose another release name" .) -}}
{{- end -}}
{{- end -}}
{{- /* A pod whose volume is above its limit is evicted at once, with the records that it holds. */ -}}
{{- $unit := dict "Mi" 1.048576 "Gi" 1073.741824 "Ti" 1099511.627776 "M" 1 "G" 1000 "T" 1000000 -}}
{{- if and $v.api.enabled (not $v.api.spool.persistent) (hasKey $unit (regexFind "[A-Za-z]+$" $v.api.spoolSize)) -}}
{{- $room := mulf (float64 (regexFind "^[0-9.]+" $v.api.spoolSize)) (get $unit (regexFind "[A-Za-z]+$" $v.api.spoolSize) | float64) -}}
{{- $most := dict -}}
{{- range $name, $default := dict "CHATBOT_LOG_ROTATE_MB" 64 "CHATBOT_LOG_KEEP" 10 "CHATBOT_LOG_SPOOL_MB" 256 "CHATBOT_UPLOAD_QUEUE_MB" 256 "CHATBOT_HANDOFF_QUEUE_MB" 64 -}}
{{- $_ := set $most $name (include "chart.setting" (list $ $v.api $name $default) | default (toString $default) | float64) -}}
{{- end -}}
{{- $all := addf (mulf $most.CHATBOT_LOG_ROTATE_MB (addf $most.CHATBOT_LOG_KEEP 1)) $most.CHATBOT_LOG_SPOOL_MB $most.CHATBOT_UPLOAD_QUEUE_MB (mulf 2 $most.CHATBOT_HANDOFF_QUEUE_MB) -}}
{{- if gt $all $room -}}
{{- $found = append $found (printf "api.spoolSize is %s, and the data that may be stored there add up to %.0f MB (CHATBOT_LOG_ROTATE_MB, CHATBOT_LOG_KEEP, CHATBOT_LOG_SPOOL_MB, CHATBOT_UPLOAD_QUEUE_MB, CHATBOT_HANDOFF_QUEUE_MB): a pod above its limit is evicted and loses it" $v.api.spoolSize $all) -}}
{{- end -}}
{{- end -}}
{{- $first := include "chart.setting" (list $ $v.api "CHATBOT_HANDOFF_RETRY_SECONDS" 1) | default "1" | float64 -}}
{{- $longest := include "chart.setting" (list $ $v.api "CHATBOT_HANDOFF_MAX_BACKOFF_SECONDS" 300) | default "300" | float64 -}}
{{- if gt $first $longest -}}
{{- $found = append $found (printf "api has CHATBOT_HANDOFF_RETRY_SECONDS=%v, above CHATBOT_HANDOFF_MAX_BACKOFF_SECONDS=%v" $first $longest) -}}
{{- end -}}
{{- $turns := include "chart.setting" (list $ $v.api "CHATBOT_HANDOFF_TURNS" 20) | default "20" | float64 -}}
{{- $minutes := include "chart.setting" (list $ $v.api "CHATBOT_HANDOFF_SESSION_MINUTES" 60) | default "60" | float64 -}}
{{- if gt (mulf $turns $minutes) 1440.0 -}}
{{- $found = append $found (printf "api has CHATBOT_HANDOFF_TURNS=%v times CHATBOT_HANDOFF_SESSION_MINUTES=%v, above a day (1440 minutes)" $turns $minutes) -}}
{{- end -}}
{{- $watch := dict -}}
{{- range $name, $default := dict "ROLLOUT_SECONDS" 900 "WATCH_SECONDS" 600 "WATCH_MAX_SECONDS" 3600 -}}
{{- $_ := set $watch $name (include "chart.setting" (list $ $v.retrain (print "CHATBOT_K8S_" $name) $default) | default (toString $default) | float64) -}}
{{- end -}}
{{- $longest = addf $watch.ROLLOUT_SECONDS (max (int64 $watch.WATCH_SECONDS) (int64 $watch.WATCH_MAX_SECONDS)) -}}
{{- if and $v.retrain.enabled (gt $longest (float64 $v.retrain.deadlineSeconds)) -}}
{{- $found = append $found (printf "retrain.deadlineSeconds is %v, and a rollout with its analysis alone may take %.0f s (CHATBOT_K8S_ROLLOUT_SECONDS and the greater of CHATBOT_K8S_WATCH_SECONDS and CHATBOT_K8S_WATCH_MAX_SECONDS): the Job would be stopped" $v.retrain.deadlineSeconds $longest) -}}
{{- end -}}
{{- if and $v.api.enabled $v.api.apiKeys.clientSecret (not $v.api.apiKeys.existingSecret) -}}
{{- $found = append $found "api.apiKeys.existingSecret is empty, and api.apiKeys.clientSecret is set: the API would take requests without a key" -}}
{{- end -}}
{{- if and $v.api.enabled $scaling.enabled (gt (int $scaling.min) (int $scaling.max)) -}}
{{- $found = append $found (printf "api.autoscaling.min is %d, above api.autoscaling.max, which is %d" (int $scaling.min) (int $scaling.max)) -}}
{{- end -}}
{{- if and (not $v.api.enabled) $v.chatPage.enabled (not $v.api.url) -}}
{{- $found = append $found "api.url is empty, with api.enabled=false: chatPage needs the address of a bot" -}}
{{- end -}}
{{- if and (not $v.api.enabled) $v.retrain.enabled -}}
{{- $found = append $found "retrain.enabled is true, with api.enabled=false: a retraining rolls its version out to the API of this release; set retrain.enabled=false" -}}
{{- end -}}
{{- if and (not $v.mlflow.enabled) $v.retrain.enabled (not $v.mlflow.url) -}}
{{- $found = append $found "mlflow.url is empty, with mlflow.enabled=false: retrain needs the address of an MLflow server" -}}
{{- end -}}
{{- range $part := list "api" "mlflow" "pushgateway" -}}
{{- if and (index $v $part).enabled (index $v $part).url -}}
{{- $found = append $found (printf "%s.url is set, with %s.enabled=true: set %s.enabled=false, or no URL" $part $part $part) -}}
{{- end -}}
{{- end -}}
{{- if and $v.minio.enabled $v.store.podIdentity -}}
{{- $found = append $found "store.podIdentity is true, with minio.enabled=true: MinIO does not support pod identities; set minio.enabled=false, or store.podIdentity=false" -}}
{{- end -}}
{{- if and $v.minio.enabled $v.store.endpoint -}}
{{- $found = append $found "store.endpoint is set, with minio.enabled=true: set minio.enabled=false, or no endpoint" -}}
{{- end -}}
{{- if and $v.minio.enabled $v.store.accessKey -}}
{{- $found = append $found "store.accessKey is set, with minio.enabled=true: MinIO's clients have generated keys; set minio.enabled=false, or no key" -}}
{{- end -}}
{{- if ne (empty $v.store.accessKey) (empty $v.store.secretKey) -}}
{{- $found = append $found (printf "store.%s is empty, and the other half of the key is set" (ternary "accessKey" "secretKey" (empty $v.store.accessKey))) -}}
{{- end -}}
{{- if and $v.store.podIdentity (or $v.store.accessKey $v.store.existingSecret $v.store.existingSecrets) -}}
{{- $found = append $found "store.podIdentity is true, and store has keys: set one of them" -}}
{{- end -}}
{{- if not (or $v.minio.enabled $v.store.podIdentity $v.store.accessKey $v.store.existingSecret) -}}
{{- $without := list -}}
{{- $registers := and $v.bootstrap.enabled $v.bootstrap.register $v.api.enabled (include "chart.mlflowUrl" .) -}}
{{- range $client, $used := dict "api" $v.api.enabled "drift" $v.driftCheck.enabled "upkeep" $v.upkeep.enabled "retrain" (or $v.retrain.enabled $registers) "staff" $v.staffPages.enabled "mlflow" $v.mlflow.enabled -}}
{{- if and $used (not (index $v.store.existingSecrets $client)) }}{{ $without = append $without $client }}{{ end -}}
{{- end -}}
{{- with $without -}}
{{- $found = append $found (printf "store.existingSecret is empty, with minio.enabled=false: %s need a key; set it, store.existingSecrets, store.accessKey or store.podIdentity" (join ", " .)) -}}
{{- end -}}
{{- end -}}
{{- if and $v.store.accessKey $v.store.existingSecret -}}
{{- $found = append $found "store.accessKey and store.existingSecret are both set: set one of them" -}}
{{- end -}}
{{- /* Kubernetes takes such a Deployment, and refuses each of its pods. */}}
{{- range $path := list "api.resources" "chatPage.resources" "staffPages.resources" "mlflow.resources" "minio.resources" "pushgateway.resources" "driftCheck.resources" "driftCheck.actResources" "upkeep.resources" "retrain.resources" "corpus.resources" -}}
{{- $resources := $v -}}
{{- range splitList "." $path }}{{ $resources = index $resources . }}{{ end -}}
{{- range $name, $amount := $resources.requests -}}
{{- $limit := index $resources.limits $name -}}
{{- if and $limit (gt (include "chart.amount" $amount | float64) (include "chart.amount" $limit | float64)) -}}
{{- $found = append $found (printf "%s.requests.%s is %v, above %s.limits.%s, which is %v" $path $name $amount $path $name $limit) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- /* The network policies open it. */}}
{{- range $path, $url := dict "api.url" $v.api.url "api.handoff.url" $v.api.handoff.url "mlflow.url" $v.mlflow.url "mlflow.backend" $v.mlflow.backend "store.endpoint" $v.store.endpoint "pushgateway.url" $v.pushgateway.url -}}
{{- with regexFind ":[0-9]+$" (urlParse $url).host | trimPrefix ":" -}}
{{- if not (regexMatch "^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$" .) -}}
{{- $found = append $found (printf "%s has port %s: a port is from 1 to 65535" $path .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $v.mlflow.backend $v.mlflow.backendSecret -}}
{{- $found = append $found "mlflow.backend and mlflow.backendSecret are both set: set one of them" -}}
{{- end -}}
{{- if and $v.staffPages.existingSecret $v.staffPages.oidcSecret -}}
{{- $found = append $found "staffPages.existingSecret and staffPages.oidcSecret are both set: with a login there is no token" -}}
{{- end -}}
{{- /* What k8s.promote writes, and what selectors, Services and network policies select by. */}}
{{- range $path := list "pod" "api.pod" "chatPage.pod" "staffPages.pod" "mlflow.pod" "minio.pod" "pushgateway.pod" "driftCheck.pod" "upkeep.pod" "retrain.pod" "bootstrap.pod" -}}
{{- $pod := $v -}}
{{- range splitList "." $path }}{{ $pod = index $pod . | default dict }}{{ end -}}
{{- range $name, $_ := $pod.annotations -}}
{{- if hasPrefix "support-chatbot/" $name -}}
{{- $found = append $found (printf "%s.annotations has %s: only k8s.promote and k8s.rollback write it" $path $name) -}}
{{- end -}}
{{- end -}}
{{- range $name := keys ($pod.labels | default dict) | sortAlpha -}}
{{- if has $name (list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component") -}}
{{- $found = append $found (printf "%s.labels has %s: Services and network policies select the pods by it" $path $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- /* What the annotation, probes, Services and network policies rely on: another value would stop every new pod. */}}
{{- range $part, $names := dict "api" (list "CHATBOT_MODEL" "CHATBOT_HOST" "CHATBOT_PORT" "CHATBOT_METRICS_PORT") "chatPage" (list "CHATBOT_UI_ADDRESS" "CHATBOT_UI_PORT") "staffPages" (list "CHATBOT_STAFF_ADDRESS" "CHATBOT_STAFF_PORT") "mlflow" (list "CHATBOT_MLFLOW_ADDRESS" "CHATBOT_MLFLOW_PORT") -}}
{{- range $name := $names -}}
{{- if and (index $v $part).enabled (ne (include "chart.setting" (list $ (index $v $part) $name "chart")) "chart") -}}
{{- $found = append $found (printf "%s has %s (settings or pod.extraEnv): %s" $part $name (ternary "`python -m k8s.rollback VERSION` sets the model that serves" "the chart sets it (an address: global.listenAddress; for a port of your own set that of the Service)" (eq $name "CHATBOT_MODEL"))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $part := list "api" "chatPage" -}}
{{- with index $v $part -}}
{{- if and .enabled .route.enabled (not .route.parents) -}}
{{- $found = append $found (printf "%s.route.parents is empty, with %s.route.enabled=true: name the Gateways" $part $part) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- /* A corpus: one source; a file within a volume; the bootstrap Job trains it, and rolls it out as a retraining does. */}}
{{- $corpus := $v.corpus -}}
{{- $sources := list -}}
{{- range $name := list "configMap" "existingClaim" "storeKey" }}{{ if index $corpus $name }}{{ $sources = append $sources (printf "corpus.%s" $name) }}{{ end }}{{ end -}}
{{- if gt (len $sources) 1 -}}
{{- $found = append $found (printf "%s are set: set one of them" (join " and " $sources)) -}}
{{- end -}}
{{- if and (or $corpus.configMap $corpus.existingClaim) (not $corpus.path) -}}
{{- $found = append $found (printf "corpus.path is empty, with %s: name the file in it" (first $sources)) -}}
{{- end -}}
{{- if $corpus.configMap -}}
{{- range $name := list "path" "replies" -}}
{{- if not (regexMatch "^[-._a-zA-Z0-9]*$" (index $corpus $name)) -}}
{{- $found = append $found (printf "corpus.%s is %s, with corpus.configMap: a key of a ConfigMap has only letters, digits, -, _ and ." $name (index $corpus $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $corpus.path (not (or $corpus.configMap $corpus.existingClaim)) -}}
{{- $found = append $found "corpus.path is set, without corpus.configMap or corpus.existingClaim: it is a file in one of them" -}}
{{- end -}}
{{- range $name := list "replies" "messageColumn" "intentColumn" -}}
{{- if and (index $corpus $name) (not $sources) -}}
{{- $found = append $found (printf "corpus.%s is set, without a corpus: set corpus.configMap, corpus.existingClaim or corpus.storeKey" $name) -}}
{{- end -}}
{{- end -}}
{{- if $sources -}}
{{- range $path, $value := dict "bootstrap.enabled" $v.bootstrap.enabled "bootstrap.register" $v.bootstrap.register "api.enabled" $v.api.enabled "retrain.enabled" $v.retrain.enabled -}}
{{- if not $value -}}
{{- $found = append $found (printf "%s is false, with %s: the bootstrap Job trains a corpus and rolls it out" $path (first $sources)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- /* Misspelt, a variable would leave the default in force, silently. */}}
{{- range $part := keys $v | sortAlpha -}}
{{- $own := index $v $part -}}
{{- if kindIs "map" $own -}}
{{- range $name := keys ($own.settings | default dict) | sortAlpha -}}
{{- with include "chart.unknown" (list $name $) }}{{ $found = append $found (printf "%s.settings has %s" $part .) }}{{ end -}}
{{- end -}}
{{- $lists := dict (printf "%s.pod.extraEnv" $part) ($own.pod | default dict).extraEnv -}}
{{- if eq $part "pod" }}{{ $lists = dict "pod.extraEnv" $own.extraEnv }}{{ end -}}
{{- range $path, $variables := $lists -}}
{{- range $variables -}}
{{- with include "chart.unknown" (list .name $) }}{{ $found = append $found (printf "%s has %s" $path .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $found }}{{ fail (printf "\n\nwrong values:\n  %s\n" (join "\n  " .)) }}{{ end -}}
{{- end }}
