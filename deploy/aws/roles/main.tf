# What Countersign needs in each account whose changes it puts back: a role that only reads, for enrolment and drift, and a role that
# may make the calls of the catalogue's rows and no others. Leave out the statements of rows that you do not want put back.

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
  own_roles = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${var.name}-*"
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

resource "aws_iam_role" "baseline" {
  name                 = "${var.name}-baseline"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600
}

resource "aws_iam_role" "revert" {
  name                 = "${var.name}-revert"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600
}

# Configuration only: no object, no secret's value, no log line, no queue's message. A function's code is read to be archived.
resource "aws_iam_policy" "read" {
  name   = "${var.name}-read"
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role_policy_attachment" "read" {
  for_each   = toset([aws_iam_role.baseline.name, aws_iam_role.revert.name])
  role       = each.value
  policy_arn = aws_iam_policy.read.arn
}

# Two policies, since one of all rows would be longer than AWS takes.
resource "aws_iam_policy" "revert" {
  for_each = {
    audit = data.aws_iam_policy_document.audit.json
    data  = data.aws_iam_policy_document.data.json
  }
  name   = "${var.name}-revert-${each.key}"
  policy = each.value
}

resource "aws_iam_role_policy_attachment" "revert" {
  for_each   = aws_iam_policy.revert
  role       = aws_iam_role.revert.name
  policy_arn = each.value.arn
}
data "aws_iam_policy_document" "read" {
  statement {
    sid       = "ReadConfiguration"
    resources = ["*"]
    actions = [
      "cloudtrail:GetEventSelectors",
      "cloudtrail:GetInsightSelectors",
      "cloudtrail:GetTrail",
      "cloudtrail:GetTrailStatus",
      "cloudtrail:ListTags",
      "cloudtrail:ListTrails",
      "cloudwatch:DescribeAlarms",
      "cloudwatch:ListTagsForResource",
      "config:DescribeConfigRules",
      "config:DescribeConfigurationRecorderStatus",
      "config:DescribeConfigurationRecorders",
      "config:DescribeDeliveryChannelStatus",
      "config:DescribeDeliveryChannels",
      "config:GetResourceConfigHistory",
      "config:ListDiscoveredResources",
      "config:ListTagsForResource",
      "ec2:DescribeAccountAttributes",
      "ec2:DescribeFlowLogs",
      "ec2:DescribeIamInstanceProfileAssociations",
      "ec2:DescribeImageAttribute",
      "ec2:DescribeImages",
      "ec2:DescribeInstanceAttribute",
      "ec2:DescribeInstances",
      "ec2:DescribeInternetGateways",
      "ec2:DescribeNetworkAcls",
      "ec2:DescribeRegions",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroupRules",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSnapshotAttribute",
      "ec2:DescribeSnapshots",
      "ec2:DescribeVpcPeeringConnections",
      "ec2:DescribeVpcs",
      "ec2:GetEbsEncryptionByDefault",
      "ec2:GetImageBlockPublicAccessState",
      "ec2:GetSerialConsoleAccessStatus",
      "ec2:GetSnapshotBlockPublicAccessState",
      "ecr:DescribeRepositories",
      "ecr:GetRepositoryPolicy",
      "eks:DescribeCluster",
      "eks:DescribeUpdate",
      "eks:ListClusters",
      "events:DescribeRule",
      "events:ListEventBuses",
      "events:ListRules",
      "events:ListTagsForResource",
      "events:ListTargetsByRule",
      "guardduty:DescribePublishingDestination",
      "guardduty:GetDetector",
      "guardduty:GetFilter",
      "guardduty:GetIPSet",
      "guardduty:GetMembers",
      "guardduty:ListDetectors",
      "guardduty:ListFilters",
      "guardduty:ListIPSets",
      "guardduty:ListMembers",
      "guardduty:ListPublishingDestinations",
      "guardduty:ListThreatIntelSets",
      "iam:GetAccountPasswordPolicy",
      "iam:GetGroup",
      "iam:GetGroupPolicy",
      "iam:GetLoginProfile",
      "iam:GetOpenIDConnectProvider",
      "iam:GetPolicy",
      "iam:GetPolicyVersion",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:GetSAMLProvider",
      "iam:GetUser",
      "iam:GetUserPolicy",
      "iam:ListAccessKeys",
      "iam:ListAttachedGroupPolicies",
      "iam:ListAttachedRolePolicies",
      "iam:ListAttachedUserPolicies",
      "iam:ListGroupPolicies",
      "iam:ListGroups",
      "iam:ListGroupsForUser",
      "iam:ListMFADevices",
      "iam:ListOpenIDConnectProviders",
      "iam:ListPolicies",
      "iam:ListPolicyVersions",
      "iam:ListRolePolicies",
      "iam:ListRoles",
      "iam:ListSAMLProviders",
      "iam:ListUserPolicies",
      "iam:ListUsers",
      "kms:DescribeKey",
      "kms:GetKeyPolicy",
      "kms:ListGrants",
      "kms:ListKeys",
      "lambda:GetFunction",
      "lambda:GetFunctionConcurrency",
      "lambda:GetFunctionConfiguration",
      "lambda:GetFunctionUrlConfig",
      "lambda:GetLayerVersion",
      "lambda:GetLayerVersionPolicy",
      "lambda:GetPolicy",
      "lambda:ListFunctions",
      "lambda:ListLayerVersions",
      "lambda:ListLayers",
      "logs:DescribeLogGroups",
      "logs:DescribeMetricFilters",
      "logs:DescribeSubscriptionFilters",
      "logs:ListTagsForResource",
      "organizations:DescribeEffectivePolicy",
      "organizations:DescribeOrganization",
      "organizations:DescribePolicy",
      "organizations:ListDelegatedAdministrators",
      "organizations:ListDelegatedServicesForAccount",
      "organizations:ListPolicies",
      "organizations:ListPoliciesForTarget",
      "organizations:ListRoots",
      "organizations:ListTargetsForPolicy",
      "rds:DescribeDBClusterSnapshotAttributes",
      "rds:DescribeDBClusterSnapshots",
      "rds:DescribeDBClusters",
      "rds:DescribeDBInstances",
      "rds:DescribeDBSnapshotAttributes",
      "rds:DescribeDBSnapshots",
      "rolesanywhere:GetProfile",
      "rolesanywhere:GetTrustAnchor",
      "rolesanywhere:ListProfiles",
      "rolesanywhere:ListTrustAnchors",
      "route53:GetChange",
      "route53:GetHostedZone",
      "route53:ListHostedZones",
      "route53:ListResourceRecordSets",
      "route53domains:GetDomainDetail",
      "route53domains:GetOperationDetail",
      "route53domains:ListDomains",
      "route53domains:ListOperations",
      "s3:GetAccountPublicAccessBlock",
      "s3:GetBucketAcl",
      "s3:GetBucketLocation",
      "s3:GetBucketLogging",
      "s3:GetBucketPolicy",
      "s3:GetBucketPolicyStatus",
      "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketTagging",
      "s3:GetBucketVersioning",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
      "s3:ListAllMyBuckets",
      "secretsmanager:DescribeSecret",
      "secretsmanager:GetResourcePolicy",
      "secretsmanager:ListSecrets",
      "securityhub:DescribeHub",
      "securityhub:DescribeStandards",
      "securityhub:GetEnabledStandards",
      "securityhub:ListTagsForResource",
      "sns:GetTopicAttributes",
      "sns:ListTopics",
      "sqs:GetQueueAttributes",
      "sqs:GetQueueUrl",
      "sqs:ListQueues",
      "sso:DescribeAccountAssignmentCreationStatus",
      "sso:DescribeAccountAssignmentDeletionStatus",
      "sso:DescribePermissionSet",
      "sso:DescribePermissionSetProvisioningStatus",
      "sso:GetInlinePolicyForPermissionSet",
      "sso:ListAccountAssignmentCreationStatus",
      "sso:ListAccountAssignments",
      "sso:ListAccountsForProvisionedPermissionSet",
      "sso:ListInstances",
      "sso:ListManagedPoliciesInPermissionSet",
      "sso:ListPermissionSets",
      "wafv2:GetLoggingConfiguration",
      "wafv2:GetWebACL",
      "wafv2:GetWebACLForResource",
      "wafv2:ListResourcesForWebACL",
      "wafv2:ListTagsForResource",
      "wafv2:ListWebACLs",
    ]
  }
}
data "aws_iam_policy_document" "audit" {
  # Rows 1, 2, 3, 4.
  statement {
    sid       = "Trails"
    resources = ["*"]
    actions = [
      "cloudtrail:AddTags",
      "cloudtrail:CreateTrail",
      "cloudtrail:DeleteTrail",
      "cloudtrail:PutEventSelectors",
      "cloudtrail:PutInsightSelectors",
      "cloudtrail:StartLogging",
      "cloudtrail:StopLogging",
      "cloudtrail:UpdateTrail",
    ]
  }
  # Row 5.
  statement {
    sid       = "FlowLogs"
    resources = ["*"]
    actions = [
      "ec2:CreateFlowLogs",
      "ec2:CreateTags",
      "ec2:DeleteFlowLogs",
    ]
  }
  # Rows 6, 7.
  statement {
    sid       = "Detection"
    resources = ["*"]
    actions = [
      "guardduty:CreateDetector",
      "guardduty:CreateFilter",
      "guardduty:CreateIPSet",
      "guardduty:CreateMembers",
      "guardduty:CreatePublishingDestination",
      "guardduty:DeleteDetector",
      "guardduty:DeleteFilter",
      "guardduty:DeleteIPSet",
      "guardduty:DeleteMembers",
      "guardduty:DisassociateMembers",
      "guardduty:InviteMembers",
      "guardduty:StartMonitoringMembers",
      "guardduty:StopMonitoringMembers",
      "guardduty:TagResource",
      "guardduty:UpdateDetector",
      "guardduty:UpdateFilter",
      "guardduty:UpdateIPSet",
      "securityhub:BatchDisableStandards",
      "securityhub:BatchEnableStandards",
      "securityhub:DisableSecurityHub",
      "securityhub:EnableSecurityHub",
      "securityhub:UpdateSecurityHubConfiguration",
    ]
  }
  # Row 8.
  statement {
    sid       = "Recorder"
    resources = ["*"]
    actions = [
      "config:DeleteConfigRule",
      "config:DeleteConfigurationRecorder",
      "config:DeleteDeliveryChannel",
      "config:PutConfigRule",
      "config:PutConfigurationRecorder",
      "config:PutDeliveryChannel",
      "config:StartConfigurationRecorder",
      "config:StopConfigurationRecorder",
      "config:TagResource",
    ]
  }
  # Rows 9, 10.
  statement {
    sid       = "LogsAndAlarms"
    resources = ["*"]
    actions = [
      "logs:CreateLogGroup",
      "logs:DeleteLogGroup",
      "logs:DeleteMetricFilter",
      "logs:DeleteRetentionPolicy",
      "logs:DeleteSubscriptionFilter",
      "logs:PutMetricFilter",
      "logs:PutRetentionPolicy",
      "logs:PutSubscriptionFilter",
      "logs:TagResource",
      "cloudwatch:DeleteAlarms",
      "cloudwatch:DisableAlarmActions",
      "cloudwatch:EnableAlarmActions",
      "cloudwatch:PutCompositeAlarm",
      "cloudwatch:PutMetricAlarm",
      "cloudwatch:TagResource",
    ]
  }
  # Row 11.
  statement {
    sid       = "WebAndClusters"
    resources = ["*"]
    actions = [
      "wafv2:AssociateWebACL",
      "wafv2:CreateWebACL",
      "wafv2:DeleteWebACL",
      "wafv2:DisassociateWebACL",
      "wafv2:PutLoggingConfiguration",
      "wafv2:TagResource",
      "wafv2:UpdateWebACL",
      "elasticloadbalancing:SetWebAcl",
      "apigateway:SetWebACL",
      "eks:UpdateClusterConfig",
    ]
  }
  # Row 12.
  statement {
    sid       = "Rules"
    resources = ["*"]
    actions = [
      "events:DeleteRule",
      "events:DisableRule",
      "events:EnableRule",
      "events:PutRule",
      "events:PutTargets",
      "events:RemoveTargets",
      "events:TagResource",
    ]
  }
  # Rows 13, 14, 15, 16, 17, 18, 19.
  statement {
    sid       = "Buckets"
    resources = ["*"]
    actions = [
      "s3:DeleteBucketPolicy",
      "s3:PutAccountPublicAccessBlock",
      "s3:PutBucketAcl",
      "s3:PutBucketLogging",
      "s3:PutBucketPolicy",
      "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketVersioning",
      "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
      "s3:PutReplicationConfiguration",
    ]
  }

  # Roles are handed back to the services that had them, and to no others.
  statement {
    sid       = "HandOn"
    resources = ["*"]
    actions   = ["iam:PassRole"]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values = [
        "cloudtrail.amazonaws.com",
        "config.amazonaws.com",
        "delivery.logs.amazonaws.com",
        "events.amazonaws.com",
        "vpc-flow-logs.amazonaws.com",
      ]
    }
  }
}

data "aws_iam_policy_document" "data" {
  # Rows 20, 21, 22, 23, 24, 25, 26, 28, 30.
  statement {
    sid       = "Identities"
    resources = ["*"]
    actions = [
      "iam:AddClientIDToOpenIDConnectProvider",
      "iam:AddUserToGroup",
      "iam:AttachGroupPolicy",
      "iam:AttachRolePolicy",
      "iam:AttachUserPolicy",
      "iam:CreateOpenIDConnectProvider",
      "iam:CreatePolicyVersion",
      "iam:CreateSAMLProvider",
      "iam:DeleteAccountPasswordPolicy",
      "iam:DeleteGroupPolicy",
      "iam:DeleteLoginProfile",
      "iam:DeleteOpenIDConnectProvider",
      "iam:DeletePolicyVersion",
      "iam:DeleteRolePermissionsBoundary",
      "iam:DeleteRolePolicy",
      "iam:DeleteSAMLProvider",
      "iam:DeleteUserPermissionsBoundary",
      "iam:DeleteUserPolicy",
      "iam:DetachGroupPolicy",
      "iam:DetachRolePolicy",
      "iam:DetachUserPolicy",
      "iam:PutGroupPolicy",
      "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy",
      "iam:PutUserPermissionsBoundary",
      "iam:PutUserPolicy",
      "iam:RemoveClientIDFromOpenIDConnectProvider",
      "iam:RemoveUserFromGroup",
      "iam:SetDefaultPolicyVersion",
      "iam:TagOpenIDConnectProvider",
      "iam:TagSAMLProvider",
      "iam:UpdateAccessKey",
      "iam:UpdateAccountPasswordPolicy",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateOpenIDConnectProviderThumbprint",
      "iam:UpdateSAMLProvider",
    ]
  }
  # Row 29.
  statement {
    sid       = "TrustAnchors"
    resources = ["*"]
    actions = [
      "rolesanywhere:DisableProfile",
      "rolesanywhere:DisableTrustAnchor",
      "rolesanywhere:EnableProfile",
      "rolesanywhere:EnableTrustAnchor",
    ]
  }
  # Row 31.
  statement {
    sid       = "PermissionSets"
    resources = ["*"]
    actions = [
      "sso:AttachManagedPolicyToPermissionSet",
      "sso:CreateAccountAssignment",
      "sso:DeleteAccountAssignment",
      "sso:DeleteInlinePolicyFromPermissionSet",
      "sso:DetachManagedPolicyFromPermissionSet",
      "sso:ProvisionPermissionSet",
      "sso:PutInlinePolicyToPermissionSet",
    ]
  }
  # Rows 32, 33.
  statement {
    sid       = "Networks"
    resources = ["*"]
    actions = [
      "ec2:AttachInternetGateway",
      "ec2:AuthorizeSecurityGroupEgress",
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:CreateNetworkAclEntry",
      "ec2:CreateRoute",
      "ec2:DeleteNetworkAclEntry",
      "ec2:DeleteRoute",
      "ec2:DeleteVpcPeeringConnection",
      "ec2:DetachInternetGateway",
      "ec2:EnableVgwRoutePropagation",
      "ec2:ModifySecurityGroupRules",
      "ec2:ReplaceNetworkAclEntry",
      "ec2:ReplaceRoute",
      "ec2:RevokeSecurityGroupEgress",
      "ec2:RevokeSecurityGroupIngress",
    ]
  }
  # Rows 34, 35.
  statement {
    sid       = "Shares"
    resources = ["*"]
    actions = [
      "ec2:ModifyImageAttribute",
      "ec2:ModifySnapshotAttribute",
      "rds:ModifyDBCluster",
      "rds:ModifyDBClusterSnapshotAttribute",
      "rds:ModifyDBInstance",
      "rds:ModifyDBSnapshotAttribute",
    ]
  }
  # Row 36.
  statement {
    sid       = "Guards"
    resources = ["*"]
    actions = [
      "ec2:DisableEbsEncryptionByDefault",
      "ec2:DisableImageBlockPublicAccess",
      "ec2:DisableSerialConsoleAccess",
      "ec2:DisableSnapshotBlockPublicAccess",
      "ec2:EnableEbsEncryptionByDefault",
      "ec2:EnableImageBlockPublicAccess",
      "ec2:EnableSerialConsoleAccess",
      "ec2:EnableSnapshotBlockPublicAccess",
    ]
  }
  # Row 37.
  statement {
    sid       = "Instances"
    resources = ["*"]
    actions = [
      "ec2:AssociateIamInstanceProfile",
      "ec2:DisassociateIamInstanceProfile",
      "ec2:ModifyInstanceAttribute",
      "ec2:ModifyInstanceMetadataOptions",
      "ec2:ReplaceIamInstanceProfileAssociation",
    ]
  }
  # Row 38.
  statement {
    sid       = "Keys"
    resources = ["*"]
    actions = [
      "kms:CancelKeyDeletion",
      "kms:DisableKey",
      "kms:EnableKey",
      "kms:PutKeyPolicy",
      "kms:RevokeGrant",
      "kms:ScheduleKeyDeletion",
    ]
  }
  # Row 39.
  statement {
    sid       = "Functions"
    resources = ["*"]
    actions = [
      "lambda:AddLayerVersionPermission",
      "lambda:AddPermission",
      "lambda:CreateFunctionUrlConfig",
      "lambda:DeleteFunctionConcurrency",
      "lambda:DeleteFunctionUrlConfig",
      "lambda:PutFunctionConcurrency",
      "lambda:RemoveLayerVersionPermission",
      "lambda:RemovePermission",
      "lambda:UpdateFunctionCode",
      "lambda:UpdateFunctionConfiguration",
      "lambda:UpdateFunctionUrlConfig",
    ]
  }
  # Row 40.
  statement {
    sid       = "Organisation"
    resources = ["*"]
    actions = [
      "ecr:DeleteRepositoryPolicy",
      "ecr:SetRepositoryPolicy",
      "organizations:AttachPolicy",
      "organizations:DeregisterDelegatedAdministrator",
      "organizations:DetachPolicy",
      "organizations:DisablePolicyType",
      "organizations:EnablePolicyType",
      "organizations:RegisterDelegatedAdministrator",
      "organizations:UpdatePolicy",
      "route53:ChangeResourceRecordSets",
      "route53domains:DisableDomainTransferLock",
      "route53domains:EnableDomainTransferLock",
      "secretsmanager:DeleteResourcePolicy",
      "secretsmanager:DeleteSecret",
      "secretsmanager:PutResourcePolicy",
      "secretsmanager:RestoreSecret",
      "sns:SetTopicAttributes",
      "sqs:SetQueueAttributes",
    ]
  }

  statement {
    sid       = "HandOnCompute"
    resources = ["*"]
    actions   = ["iam:PassRole"]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com", "lambda.amazonaws.com"]
    }
  }

  # Whoever has this role cannot make it more than it is.
  statement {
    sid           = "NeverOurselves"
    effect        = "Deny"
    not_actions   = ["iam:Get*", "iam:List*"]
    resources     = concat([local.own_roles], var.break_glass_arns)
  }
}
