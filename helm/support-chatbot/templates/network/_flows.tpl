{{/* Network policies: one named policy per flow, each with both of its ends. */}}

{{/* (list . "page-to-api" (list "page") "api" (list 3000)) -> pods of the first components may reach the second's ports. */}}
{{- define "chart.flow" -}}
{{- $root := index . 0 -}}
{{- $name := include "chart.name" (list $root (index . 1)) -}}
{{- $from := index . 2 -}}
{{- $to := index . 3 -}}
{{- $ports := index . 4 }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ $name }}
  labels: {{- include "chart.labels" (list $root "network") | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "chart.selector" (list $root $to) | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - from:
        {{- range $from }}
        - podSelector:
            matchLabels: {{- include "chart.selector" (list $root .) | nindent 14 }}
        {{- end }}
      ports:
        {{- range $ports }}
        - {port: {{ . }}, protocol: TCP}
        {{- end }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ $name }}-out
  labels: {{- include "chart.labels" (list $root "network") | nindent 4 }}
spec:
  podSelector: {{- include "chart.anyOf" (list $root $from) | nindent 4 }}
  policyTypes: [Egress]
  egress:
    - to:
        - podSelector:
            matchLabels: {{- include "chart.selector" (list $root $to) | nindent 14 }}
      ports:
        {{- range $ports }}
        - {port: {{ . }}, protocol: TCP}
        {{- end }}
{{- end }}

{{/* (list . (list "drift" "retrain")) -> the pods of these components. */}}
{{- define "chart.anyOf" -}}
{{- $root := index . 0 -}}
matchLabels:
  app.kubernetes.io/name: support-chatbot
  app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
matchExpressions:
  - {key: app.kubernetes.io/component, operator: In, values: {{ toJson (index . 1) }}}
{{- end }}

{{/* (list . "api-in" "api" (list 3000) .Values.api.clients) -> that component's ports from these namespaces; none named: from anywhere. */}}
{{- define "chart.open" -}}
{{- $root := index . 0 }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "chart.name" (list $root (index . 1)) }}
  labels: {{- include "chart.labels" (list $root "network") | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "chart.selector" (list $root (index . 2)) | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - ports:
        {{- range index . 3 }}
        - {port: {{ . }}, protocol: TCP}
        {{- end }}
      {{- with index . 4 }}
      from:
        - namespaceSelector: {matchLabels: {{ toJson . }}}
      {{- end }}
{{- end }}

{{/* (list . "api-to-webhook" (list "api") "https://desk.example.com/hook") -> pods of these components may reach that URL's port
     anywhere: a policy knows no names of hosts. */}}
{{- define "chart.outward" -}}
{{- $root := index . 0 -}}
{{- $url := urlParse (index . 3) -}}
{{- $known := dict "http" "80" "https" "443" "postgresql" "5432" "mysql" "3306" "mssql" "1433" -}}
{{- $scheme := splitList "+" $url.scheme | first -}}
{{- $host := splitList "@" $url.host | last }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "chart.name" (list $root (index . 1)) }}
  labels: {{- include "chart.labels" (list $root "network") | nindent 4 }}
spec:
  podSelector: {{- include "chart.anyOf" (list $root (index . 2)) | nindent 4 }}
  policyTypes: [Egress]
  egress:
    - ports:
        - {port: {{ regexFind ":[0-9]+$" $host | trimPrefix ":" | default (index $known $scheme) | default "443" }}, protocol: TCP}
{{- end }}
