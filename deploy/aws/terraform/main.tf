# What Countersign needs in the account that holds the organisation's trail: a queue that hears of every new object and a role that
# may read it, the objects, and nothing else; and the events of this account and region (./events).

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.trail_bucket}"
  prefix     = var.trail_prefix == "" ? "AWSLogs/" : "${trimsuffix(var.trail_prefix, "/")}/AWSLogs/"
}

resource "aws_sqs_queue" "aside" {
  name                      = "${var.name}-aside"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "objects" {
  name                       = "${var.name}-objects"
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 300
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.aside.arn, maxReceiveCount = 1000 })
}

# Only the trail's bucket may say that an object is there.
data "aws_iam_policy_document" "objects" {
  statement {
    sid       = "TrailBucketNotifies"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.objects.arn]
    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.bucket_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_sqs_queue_policy" "objects" {
  queue_url = aws_sqs_queue.objects.id
  policy    = data.aws_iam_policy_document.objects.json
}

# A bucket has one notification configuration: where yours is managed already, set manage_notification to false and add the
# queue there.
resource "aws_s3_bucket_notification" "trail" {
  count  = var.manage_notification ? 1 : 0
  bucket = var.trail_bucket

  queue {
    queue_arn     = aws_sqs_queue.objects.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = local.prefix
    filter_suffix = ".json.gz"
  }

  depends_on = [aws_sqs_queue_policy.objects]
}

# Events within seconds, besides the trail's minutes, of this account and region. Both paths count an event once.
module "events" {
  source                    = "./events"
  name                      = var.name
  countersign_principal_arn = var.countersign_principal_arn
  external_id               = var.external_id
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
    resources = [aws_sqs_queue.objects.arn]
  }
  statement {
    sid       = "ReadTrail"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${local.prefix}*"]
  }
  # The keys that sign the trail's digests. They are public and no resource: this action takes nothing but "*".
  statement {
    sid       = "CheckDigests"
    actions   = ["cloudtrail:ListPublicKeys"]
    resources = ["*"]
  }
  dynamic "statement" {
    for_each = var.trail_kms_key_arn == "" ? [] : [var.trail_kms_key_arn]
    content {
      sid       = "DecryptTrail"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role" "reader" {
  name                 = "${var.name}-reader"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "reader" {
  name   = "read-trail"
  role   = aws_iam_role.reader.id
  policy = data.aws_iam_policy_document.reader.json
}
