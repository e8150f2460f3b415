/** Attacks on what stands between the world and the house: web ACLs, cluster endpoints, names. */
import { ACCOUNT, type Attack, type Aws, fresh, type Json, leaveOut } from './attack.ts';

const VISIBLE = { SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: 'shop' };
const scanners = (action: 'Block' | 'Count') => ({
  Name: 'scanners',
  Priority: 0,
  Statement: {
    ByteMatchStatement: {
      SearchString: new Uint8Array(Buffer.from('sqlmap')),
      FieldToMatch: { SingleHeader: { Name: 'user-agent' } },
      TextTransformations: [{ Priority: 0, Type: 'LOWERCASE' }],
      PositionalConstraint: 'CONTAINS',
    },
  },
  Action: { [action]: {} },
  VisibilityConfig: VISIBLE,
});
/** A web ACL before the stage of an API. */
const webAcl = async (aws: Aws) => {
  const name = fresh('shop');
  const { Summary } = await aws('wafv2', 'CreateWebACL', {
    Name: name,
    Scope: 'REGIONAL',
    Description: 'before the shop',
    DefaultAction: { Allow: {} },
    Rules: [scanners('Block')],
    VisibilityConfig: VISIBLE,
    Tags: [{ Key: 'owner', Value: 'payments' }],
  });
  const { Id, ARN } = Summary as Json;
  return { name, id: String(Id), arn: String(ARN) };
};
const lockOf = async (aws: Aws, { name, id }: Record<string, string>) =>
  (await aws('wafv2', 'GetWebACL', { Name: name, Scope: 'REGIONAL', Id: id }))['LockToken'];
const webAclLook = async (aws: Aws, { name }: Record<string, string>) => {
  const { WebACLs } = await aws('wafv2', 'ListWebACLs', { Scope: 'REGIONAL' });
  const found = (WebACLs as Json[]).find(({ Name }) => Name === name);
  const { WebACL } = await aws('wafv2', 'GetWebACL', { Name: name, Scope: 'REGIONAL', Id: found?.['Id'] });
  const tags = await aws('wafv2', 'ListTagsForResource', { ResourceARN: found?.['ARN'] });
  const logging = await aws('wafv2', 'GetLoggingConfiguration', { ResourceArn: found?.['ARN'] }).catch(() => null);
  return [
    leaveOut(WebACL as Json, 'Id', 'ARN'),
    (tags['TagInfoForResource'] as Json)['TagList'],
    ((logging?.['LoggingConfiguration'] ?? {}) as Json)['LogDestinationConfigs'] ?? null,
  ];
};

const zone = async (aws: Aws) => {
  const name = `${fresh('shop')}.example.com`;
  const { HostedZone } = await aws('route-53', 'CreateHostedZone', { Name: name, CallerReference: fresh('made') });
  const id = String((HostedZone as Json)['Id']).replace('/hostedzone/', '');
  const set = (Name: string, Value: string) => ({ Name, Type: 'A', TTL: 300, ResourceRecords: [{ Value }] });
  const Changes = [set(`www.${name}`, '192.0.2.10'), set(`*.api.${name}`, '192.0.2.20')].map((ResourceRecordSet) => ({
    Action: 'CREATE',
    ResourceRecordSet,
  }));
  await aws('route-53', 'ChangeResourceRecordSets', { HostedZoneId: id, ChangeBatch: { Changes } });
  return { name, id };
};

/** Somebody outside becomes a role inside; what was made is disabled and not deleted. */
const door = (stem: 'TrustAnchor' | 'Profile', member: 'trustAnchor' | 'profile', given: Json): Attack => ({
  row: 29,
  name: `a ${stem} lets somebody outside become a role`,
  before: async () => ({}),
  attack: async (aws, made) => {
    const input = { name: fresh('partner'), enabled: true, ...given };
    const answer = (await aws('rolesanywhere', `Create${stem}`, input))[member] as Json;
    made['id'] = String(answer[`${member}Id`]);
    return {
      event: `rolesanywhere:Create${stem}`,
      request: input,
      response: { [member]: answer },
      recorded: {
        of: 'aws.persistence.rolesanywhere-create-trust-anchor',
        names: {
          '4d07f6a0-1c50-44d3-951b-b68b783daa0a': made['id'],
          '910042eb-8463-427d-8095-6fd60ac303d9': made['id'],
        },
      },
    };
  },
  look: async (aws, { id }) =>
    id === undefined
      ? 'not there'
      : ((await aws('rolesanywhere', `Get${stem}`, { [`${member}Id`]: id }))[member] as Json)['enabled'],
  becomes: () => false,
});

export const EDGE_ATTACKS: readonly Attack[] = [
  door('TrustAnchor', 'trustAnchor', {
    source: { sourceType: 'CERTIFICATE_BUNDLE', sourceData: { x509CertificateData: 'a certificate' } },
  }),
  door('Profile', 'profile', { durationSeconds: 3600, roleArns: [`arn:aws:iam::${ACCOUNT}:role/partner`] }),
  {
    row: 11,
    name: 'a web ACL counts what it blocked',
    before: webAcl,
    names: ({ name, id }) => ({ event: 'wafv2:UpdateWebACL', request: { name, id, scope: 'REGIONAL' } }),
    attack: async (aws, made) => {
      const LockToken = await lockOf(aws, made);
      const { name, id } = made;
      const given = { DefaultAction: { Allow: {} }, VisibilityConfig: VISIBLE, Description: 'before the shop' };
      const Rules = [scanners('Count')];
      await aws('wafv2', 'UpdateWebACL', { Name: name, Scope: 'REGIONAL', Id: id, LockToken, Rules, ...given });
      const visibilityConfig = { sampledRequestsEnabled: true, cloudWatchMetricsEnabled: true, metricName: 'shop' };
      const rule = {
        name: 'scanners',
        priority: 0,
        statement: {
          byteMatchStatement: {
            searchString: 'sqlmap',
            fieldToMatch: { singleHeader: { name: 'user-agent' } },
            textTransformations: [{ priority: 0, type: 'LOWERCASE' }],
            positionalConstraint: 'CONTAINS',
          },
        },
        action: { count: {} },
        visibilityConfig,
      };
      return {
        event: 'wafv2:UpdateWebACL',
        request: {
          name,
          scope: 'REGIONAL',
          id,
          defaultAction: { allow: {} },
          description: 'before the shop',
          rules: [rule],
          visibilityConfig,
          lockToken: LockToken,
        },
      };
    },
    look: webAclLook,
  },
  {
    row: 11,
    name: 'a web ACL is deleted',
    before: async (aws) => {
      const made = await webAcl(aws);
      const LogDestinationConfigs = [`arn:aws:s3:::aws-waf-logs-${made.name}`];
      const LoggingConfiguration = { ResourceArn: made.arn, LogDestinationConfigs };
      await aws('wafv2', 'PutLoggingConfiguration', { LoggingConfiguration });
      return made;
    },
    names: ({ name, id }) => ({ event: 'wafv2:DeleteWebACL', request: { name, id, scope: 'REGIONAL' } }),
    attack: async (aws, made) => {
      const { name, id, arn } = made;
      const LockToken = await lockOf(aws, made);
      // AWS deletes this with it, moto leaves it.
      await aws('wafv2', 'DeleteLoggingConfiguration', { ResourceArn: arn });
      await aws('wafv2', 'DeleteWebACL', { Name: name, Scope: 'REGIONAL', Id: id, LockToken });
      return { event: 'wafv2:DeleteWebACL', request: { name, scope: 'REGIONAL', id, lockToken: LockToken } };
    },
    look: webAclLook,
  },
  {
    row: 11,
    name: 'a load balancer loses its web ACL',
    before: async (aws) => {
      const made = await webAcl(aws);
      const resource = `arn:aws:elasticloadbalancing:us-east-1:${ACCOUNT}:loadbalancer/app/${made.name}/50dc6c495c0c9188`;
      await aws('wafv2', 'AssociateWebACL', { WebACLArn: made.arn, ResourceArn: resource });
      return { ...made, resource };
    },
    names: ({ resource }) => ({ event: 'wafv2:DisassociateWebACL', request: { resourceArn: resource } }),
    attack: async (aws, { resource }) => {
      await aws('wafv2', 'DisassociateWebACL', { ResourceArn: resource });
      return { event: 'wafv2:DisassociateWebACL', request: { resourceArn: resource } };
    },
    look: async (aws, { resource }) => {
      const { WebACL } = await aws('wafv2', 'GetWebACLForResource', { ResourceArn: resource });
      return ((WebACL ?? {}) as Json)['ARN'] ?? null;
    },
  },
  {
    row: 11,
    name: 'a cluster no longer logs, and anybody may knock at its API',
    before: async (aws) => {
      const name = fresh('shop');
      await aws('eks', 'CreateCluster', {
        name,
        roleArn: `arn:aws:iam::${ACCOUNT}:role/cluster`,
        resourcesVpcConfig: {
          subnetIds: ['subnet-12345678'],
          endpointPublicAccess: true,
          endpointPrivateAccess: true,
          publicAccessCidrs: ['198.51.100.0/24'],
        },
        logging: { clusterLogging: [{ types: ['api', 'audit'], enabled: true }] },
      });
      return { name };
    },
    names: ({ name }) => ({ event: 'eks:UpdateClusterConfig', request: { name } }),
    attack: async (aws, { name }) => {
      const logging = { clusterLogging: [{ types: ['api', 'audit'], enabled: false }] };
      const resourcesVpcConfig = {
        endpointPublicAccess: true,
        endpointPrivateAccess: true,
        publicAccessCidrs: ['0.0.0.0/0'],
      };
      await aws('eks', 'UpdateClusterConfig', { name, logging, resourcesVpcConfig });
      return {
        event: 'eks:UpdateClusterConfig',
        request: { name, logging, resourcesVpcConfig },
        response: { update: { id: 'update-0', status: 'InProgress' } },
      };
    },
    look: async (aws, { name }) => {
      const cluster = (await aws('eks', 'DescribeCluster', { name }))['cluster'] as Json;
      return [cluster['logging'], (cluster['resourcesVpcConfig'] as Json)['publicAccessCidrs']];
    },
  },
  {
    row: 40,
    name: 'a domain may be carried off',
    before: async () => ({}),
    attack: async (aws) => {
      await aws('route-53-domains', 'DisableDomainTransferLock', { DomainName: 'shop.example' });
      return {
        event: 'route53domains:DisableDomainTransferLock',
        request: { domainName: 'shop.example' },
        response: { operationId: 'operation-1' },
      };
    },
    look: async (aws) => {
      await aws('route-53-domains', 'ListOperations');
      return (await aws('route-53-domains', 'GetDomainDetail', { DomainName: 'shop.example' }))['StatusList'];
    },
  },
  {
    row: 40,
    name: 'a name leads elsewhere, another is gone, and a third is new',
    before: zone,
    names: ({ id }) => ({ event: 'route53:ChangeResourceRecordSets', request: { hostedZoneId: id } }),
    attack: async (aws, { id, name }) => {
      const changes = [
        ['UPSERT', `www.${name}`, '203.0.113.66'],
        ['DELETE', `*.api.${name}`, '192.0.2.20'],
        ['CREATE', `login.${name}`, '203.0.113.66'],
      ] as const;
      const Changes = changes.map(([Action, Name, Value]) => ({
        Action,
        ResourceRecordSet: { Name, Type: 'A', TTL: 300, ResourceRecords: [{ Value }] },
      }));
      await aws('route-53', 'ChangeResourceRecordSets', { HostedZoneId: id, ChangeBatch: { Changes } });
      const told = changes.map(([action, recordName, value]) => ({
        action,
        resourceRecordSet: { name: recordName, type: 'A', tTL: 300, resourceRecords: [{ value }] },
      }));
      return {
        event: 'route53:ChangeResourceRecordSets',
        request: { hostedZoneId: id, changeBatch: { changes: told } },
        response: { changeInfo: { id: '/change/C1', status: 'PENDING' } },
      };
    },
    look: async (aws, { id }) =>
      (await aws('route-53', 'ListResourceRecordSets', { HostedZoneId: id }))['ResourceRecordSets'],
  },
];
