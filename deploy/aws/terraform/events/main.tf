# Events of one account and region within seconds: a rule, a queue, and a role that may read the queue and nothing else. Apply it in
# every account and region that cannot wait for the trail.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_region" "current" {}

resource "aws_sqs_queue" "aside" {
  name                      = "${var.name}-events-aside"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "events" {
  name                       = "${var.name}-events"
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 60
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.aside.arn, maxReceiveCount = 1000 })
}

resource "aws_cloudwatch_event_rule" "calls" {
  name        = "${var.name}-calls"
  description = "Calls that change something, for Countersign"
  event_pattern = jsonencode({
    detail-type = ["AWS API Call via CloudTrail", "AWS Console Sign In via CloudTrail"]
  })
}

resource "aws_cloudwatch_event_target" "calls" {
  rule      = aws_cloudwatch_event_rule.calls.name
  target_id = "countersign"
  arn       = aws_sqs_queue.events.arn
}

data "aws_iam_policy_document" "events" {
  statement {
    sid       = "RuleDelivers"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.events.arn]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.calls.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.id
  policy    = data.aws_iam_policy_document.events.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [var.countersign_principal_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "TakeMessages"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
    resources = [aws_sqs_queue.events.arn]
  }
}

# Roles are of the whole account: the region keeps the names apart.
resource "aws_iam_role" "reader" {
  name                 = "${var.name}-events-${data.aws_region.current.name}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "reader" {
  name   = "read-events"
  role   = aws_iam_role.reader.id
  policy = data.aws_iam_policy_document.reader.json
}
