#!/usr/bin/env bash
# Writes the manifests of this folder from the chart, for whoever does not use Helm. Needs helm, or its path in HELM.
set -euo pipefail
cd "$(dirname "$0")"
render() { "${HELM:-helm}" template countersign ../helm/countersign --namespace countersign --kube-version 1.34.0 "$@"; }
head='# Made from deploy/helm/countersign by render.sh; change the chart and run it again. Put your cluster and server where the samples stand.'
{ echo "$head"; render --show-only templates/agent.yaml --set cluster=sample-cluster,agent.serverUrl=https://countersign.example.com; } >agent.yaml
{ echo "$head"; render --show-only templates/watch.yaml --set cluster=sample-cluster,agent.enabled=false; } >watch.yaml
