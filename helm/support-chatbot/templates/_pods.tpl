{{/* What every pod and container of ours has. */}}

{{/* (list . "api" .Values.api) -> a pod template's metadata. */}}
{{- define "chart.podMetadata" -}}
{{- $root := index . 0 -}}
{{- $own := (index . 2).pod | default dict -}}
labels:
  {{- merge (dict) ($own.labels | default dict) $root.Values.pod.labels (include "chart.labels" (list $root (index . 1)) | fromYaml) | toYaml | nindent 2 }}
{{- end }}

{{/* (list . .Values.api (dict "more" "annotations")) -> a pod template's annotations. Never `support-chatbot/...`:
     k8s.promote writes the desired model there, and Helm does not revert what the chart does not render. */}}
{{- define "chart.podAnnotations" -}}
{{- $root := index . 0 -}}
{{- $own := (index . 1).pod | default dict -}}
{{- with merge (dict) (index . 2) ($own.annotations | default dict) $root.Values.pod.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* (list . "api" .Values.api) -> a pod's spec up to its containers: restricted, and without the account's token. */}}
{{- define "chart.pod" -}}
{{- $root := index . 0 -}}
{{- $own := (index . 2).pod | default dict -}}
{{- $pod := $root.Values.pod -}}
serviceAccountName: {{ include "chart.name" (list $root (index . 1)) }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with merge (dict) ($own.nodeSelector | default dict) $pod.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations | default $pod.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity | default $pod.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $own.priorityClassName | default $pod.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end }}

{{/* (list . .Values.api.image) -> a container's image and what it may not do. What it said last is why it ended:
     `kubectl describe pod` shows it, and k8s.promote hands it on. */}}
{{- define "chart.container" -}}
{{- $root := index . 0 -}}
image: {{ include "chart.image" . | quote }}
imagePullPolicy: {{ $root.Values.global.image.pullPolicy }}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* (list . .Values.api (include "chart.apiEnv" .)) -> a container's environment, each variable once: the component's
     `pod.extraEnv` over its `settings` over `pod.extraEnv` of all over what the template renders. A variable keeps its first
     place, because `$(NAME)` refers to earlier ones only. */}}
{{- define "chart.env" -}}
{{- $own := index . 1 -}}
{{- $all := concat (index . 2 | fromYamlArray) (index . 0).Values.pod.extraEnv -}}
{{- range $name, $value := $own.settings | default dict }}
{{- $all = append $all (dict "name" $name "value" (kindIs "string" $value | ternary $value (toJson $value))) -}}
{{- end -}}
{{- $all = concat $all (($own.pod | default dict).extraEnv | default list) -}}
{{- $last := dict -}}
{{- range $all }}{{ $_ := set $last .name . }}{{ end -}}
{{- $lines := list -}}
{{- range $all }}
{{- with index $last .name }}
{{- $lines = append $lines (printf "- %s" (toRawJson .)) }}
{{- $_ := set $last .name false }}
{{- end }}
{{- end }}
{{- $lines | join "\n" | default "[]" }}
{{- end }}

{{/* (list . .Values.api "CHATBOT_DRAIN_SECONDS" 10) -> the value of a setting that the chart itself computes with; empty: it
     is empty, or comes from elsewhere (`valueFrom`). */}}
{{- define "chart.setting" -}}
{{- $own := index . 1 -}}
{{- $name := index . 2 -}}
{{- $value := index . 3 -}}
{{- range (index . 0).Values.pod.extraEnv }}{{ if eq .name $name }}{{ $value = .value }}{{ end }}{{ end -}}
{{- $value = dig $name $value ($own.settings | default dict) -}}
{{- range ($own.pod | default dict).extraEnv }}{{ if eq .name $name }}{{ $value = .value }}{{ end }}{{ end -}}
{{- if not (kindIs "invalid" $value) }}{{ toString $value | trim }}{{ end -}}
{{- end }}

{{/* Values of the replies' slots, for every component that sends, shows or tests replies. */}}
{{- define "chart.slots" -}}
{{- range $name, $value := .Values.api.slots }}
- {name: CHATBOT_SLOT_{{ upper $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{/* The key that the chart's own clients send to the API, where it needs one. */}}
{{- define "chart.apiClientEnv" -}}
{{- with .Values.api.apiKeys.clientSecret }}
- name: CHATBOT_API_KEY
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: api-key}}
{{- else }}
{{- if .Values.api.apiKeys.existingSecret }}
{{- fail "api.apiKeys.clientSecret is empty, and api.apiKeys.existingSecret is set: the chat page, the Jobs and `helm test` need a key" }}
{{- end }}
{{- end }}
{{- end }}

{{/* (list . "api") -> how that client finds and opens the store. */}}
{{- define "chart.storeEnv" -}}
{{- $root := index . 0 -}}
- {name: CHATBOT_STORE_URL, value: {{ printf "s3://%s" $root.Values.store.bucket | quote }}}
{{- with include "chart.storeEndpoint" $root }}
- {name: CHATBOT_STORE_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- with $root.Values.store.region }}
- {name: CHATBOT_STORE_REGION, value: {{ . | quote }}}
{{- end }}
{{- with $root.Values.store.pathStyle }}
- {name: CHATBOT_STORE_PATH_STYLE, value: {{ . | quote }}}
{{- end }}
{{- if not $root.Values.store.podIdentity }}
{{- with include "chart.storeSecret" . }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: AWS_ACCESS_KEY_ID}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: AWS_SECRET_ACCESS_KEY}}
{{- end }}
{{- end }}
{{- end }}

{{/* The account's token, for a container that acts, and for no other of its pod. */}}
{{- define "chart.accountVolume" -}}
- name: account
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end }}

{{- define "chart.accountMount" -}}
- {name: account, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end }}

{{/* (list . "api") -> that component's service account, without an automatically mounted token. A cloud identity, which its
     annotations name, opens the store: only clients of the store have them. */}}
{{- define "chart.serviceAccount" -}}
{{- $root := index . 0 -}}
{{- $accounts := $root.Values.serviceAccounts -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "chart.name" . }}
  labels: {{- include "chart.labels" . | nindent 4 }}
  {{- if has (index . 1) (list "api" "drift" "upkeep" "retrain" "staff" "mlflow" "bootstrap") }}
  {{- with merge (dict) (get $accounts.byComponent (index . 1) | default dict) $accounts.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}

{{/* (list . "mlflow" .Values.mlflow.volume) -> a volume that outlives the release. */}}
{{- define "chart.claim" -}}
{{- $root := index . 0 -}}
{{- $volume := index . 2 -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "chart.name" (list $root (index . 1)) }}
  labels: {{- include "chart.labels" (list $root (index . 1)) | nindent 4 }}
  annotations:
    helm.sh/resource-policy: keep
spec:
  accessModes: [{{ $volume.accessMode | default "ReadWriteOnce" }}]
  {{- with $volume.storageClass }}
  storageClassName: {{ . | quote }}
  {{- end }}
  resources: {requests: {storage: {{ $volume.size }}}}
{{- end }}

{{/* (list . "api" .Values.api.service "port") -> how it is reached from outside: Ingress and HTTPRoute. */}}
{{- define "chart.outside" -}}
{{- $root := index . 0 -}}
{{- $name := include "chart.name" (list $root (index . 1)) -}}
{{- $values := index . 2 -}}
{{- with $values.ingress }}
{{- if .enabled }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ $name }}
  labels: {{- include "chart.labels" $ | nindent 4 }}
  {{- with .annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .className }}
  ingressClassName: {{ . | quote }}
  {{- end }}
  rules:
    - host: {{ .host | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: {{ $name }}, port: {name: http}}}
  {{- with .tlsSecret }}
  tls:
    - hosts: [{{ $values.ingress.host | quote }}]
      secretName: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end }}
{{- with $values.route }}
{{- if .enabled }}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {{ $name }}
  labels: {{- include "chart.labels" $ | nindent 4 }}
spec:
  parentRefs: {{- toYaml .parents | nindent 4 }}
  hostnames: [{{ .host | quote }}]
  rules:
    - backendRefs: [{name: {{ $name }}, port: {{ $values.service.port }}}]
{{- end }}
{{- end }}
{{- end }}

{{/* Seconds that the bot's pods may take to leave: draining, the last answers and handoffs, the upload with its retries. */}}
{{- define "chart.apiLeaves" -}}
{{- $drain := include "chart.setting" (list . .Values.api "CHATBOT_DRAIN_SECONDS" .Values.api.drainSeconds) | default (toString .Values.api.drainSeconds) -}}
{{- $upload := include "chart.setting" (list . .Values.api "CHATBOT_UPLOAD_CLOSE_SECONDS" 120) | default "120" -}}
{{- add (ceil (float64 $drain)) (ceil (float64 $upload)) 30 -}}
{{- end }}

{{/* shards -> fields of a Job with a pod for each of several shards, all at once. */}}
{{- define "chart.shards" -}}
{{- if gt (int .) 1 -}}
completionMode: Indexed
completions: {{ . }}
parallelism: {{ . }}
{{- end }}
{{- end }}

{{/* shards -> the arguments that name a pod's own; Kubernetes fills in the index. */}}
{{- define "chart.shardArguments" -}}
{{- if gt (int .) 1 }}, --shard, $(JOB_COMPLETION_INDEX)/{{ . }}{{ end }}
{{- end }}

{{/* shards -> RUN, a name that all pods of a Job have in common and no other Job has. */}}
{{- define "chart.shardEnv" -}}
{{- if gt (int .) 1 -}}
- {name: RUN, valueFrom: {fieldRef: {fieldPath: "metadata.labels['batch.kubernetes.io/controller-uid']"}}}
{{- end }}
{{- end }}
