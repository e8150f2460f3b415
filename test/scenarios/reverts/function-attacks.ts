/** Attacks on functions and layers: who may call them, what they run, and as whom. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { ACCOUNT, type Attack, type Aws, failureOf, fresh, type Json, type Made } from './attack.ts';

/** Code is bytes to everybody here. */
export const TRUSTED_CODE = gzipSync(Buffer.from('exports.handler = () => "shop"'));
const THEFT = gzipSync(Buffer.from('exports.handler = (secret) => send(secret)'));

const executor = async (aws: Aws) => {
  const RoleName = fresh('functions');
  const trust = { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [trust] });
  const { Role } = await aws('iam', 'CreateRole', { RoleName, AssumeRolePolicyDocument });
  return String((Role as Json)['Arn']);
};
const lambda = async (aws: Aws) => {
  const name = fresh('checkout');
  await aws('lambda', 'CreateFunction', {
    FunctionName: name,
    Runtime: 'nodejs20.x',
    Handler: 'index.handler',
    Role: await executor(aws),
    Code: { ZipFile: TRUSTED_CODE },
    Timeout: 3,
    Environment: { Variables: { STAGE: 'production' } },
  });
  return name;
};
const layer = async (aws: Aws) => {
  const name = fresh('tools');
  const { Version } = await aws('lambda', 'PublishLayerVersion', {
    LayerName: name,
    Content: { ZipFile: TRUSTED_CODE },
  });
  return { name, version: String(Version) };
};
const policyLook =
  (operation: string, input: (made: Made) => Json) =>
  (aws: Aws, made: Made): Promise<unknown> =>
    aws('lambda', operation, input(made)).then(({ Policy }) => {
      const { Statement } = JSON.parse(String(Policy)) as { readonly Statement: readonly unknown[] };
      return Statement;
    }, failureOf);
const urlLook = (aws: Aws, { name }: Made): Promise<unknown> =>
  aws('lambda', 'GetFunctionUrlConfig', { FunctionName: name }).then(
    ({ AuthType, Cors }) => ({ AuthType, Cors }),
    failureOf,
  );
const arnOf = (name = '') => `arn:aws:lambda:us-east-1:${ACCOUNT}:function:${name}`;
const functionLook = async (aws: Aws, { name }: Made) => {
  const { Configuration } = await aws('lambda', 'GetFunction', { FunctionName: name });
  const Concurrency = await aws('lambda', 'GetFunctionConcurrency', { FunctionName: name });
  const { CodeSha256, Handler, Role, Layers, Environment, Timeout } = Configuration as Json;
  return { CodeSha256, Handler, Role, Layers, Environment, Timeout, Concurrency };
};
const replaceCode = async (aws: Aws, { name = '' }: Made) => {
  const answer = await aws('lambda', 'UpdateFunctionCode', { FunctionName: name, ZipFile: THEFT });
  const codeSha256 = String(answer['CodeSha256']);
  return {
    event: 'lambda:UpdateFunctionCode20150331v2',
    request: { functionName: arnOf(name), publish: true, dryRun: false },
    response: { functionName: name, codeSha256 },
    recorded: {
      of: 'aws.persistence.lambda-overwrite-code',
      names: {
        'stratus-red-team-olc-func-vayhjqkdav': name,
        'Pt1c8vVaBygmNtAeSyjlpdy7r8nHRqJAAL++HEGlQkc=': codeSha256,
      },
    },
  };
};

const PERMISSIONS: readonly Attack[] = [
  {
    row: 39,
    name: 'a stranger may call a function',
    before: async (aws) => {
      const name = await lambda(aws);
      const ours = { Action: 'lambda:InvokeFunction', Principal: 's3.amazonaws.com', SourceAccount: ACCOUNT };
      await aws('lambda', 'AddPermission', { FunctionName: name, StatementId: 'uploads', ...ours });
      return { name };
    },
    attack: async (aws, { name }) => {
      const theirs = { Action: 'lambda:InvokeFunction', Principal: '*' };
      const { Statement } = await aws('lambda', 'AddPermission', {
        FunctionName: name,
        StatementId: 'backdoor',
        ...theirs,
      });
      const request = { functionName: arnOf(name), statementId: 'backdoor', action: theirs.Action, principal: '*' };
      return { event: 'lambda:AddPermission20150331v2', request, response: { statement: Statement } };
    },
    look: policyLook('GetPolicy', ({ name }) => ({ FunctionName: name })),
  },
  {
    row: 39,
    name: 'a stranger may take a layer',
    before: layer,
    attack: async (aws, { name, version }) => {
      const theirs = { StatementId: 'share', Action: 'lambda:GetLayerVersion', Principal: '444455556666' };
      const VersionNumber = Number(version);
      const { Statement } = await aws('lambda', 'AddLayerVersionPermission', {
        LayerName: name,
        VersionNumber,
        ...theirs,
      });
      const request = {
        layerName: `arn:aws:lambda:us-east-1:${ACCOUNT}:layer:${name}`,
        versionNumber: VersionNumber,
        statementId: 'share',
        action: theirs.Action,
        principal: theirs.Principal,
      };
      return { event: 'lambda:AddLayerVersionPermission20181031', request, response: { statement: Statement } };
    },
    look: policyLook('GetLayerVersionPolicy', ({ name, version }) => ({
      LayerName: name,
      VersionNumber: Number(version),
    })),
  },
  {
    row: 39,
    name: 'a function can be called by an address that anybody may use',
    before: async (aws) => ({ name: await lambda(aws) }),
    attack: async (aws, { name }) => {
      await aws('lambda', 'CreateFunctionUrlConfig', { FunctionName: name, AuthType: 'NONE' });
      const response = { authType: 'NONE', functionArn: arnOf(name), functionUrl: 'https://sample.example/' };
      return {
        event: 'lambda:CreateFunctionUrlConfig',
        request: { functionName: name, authType: 'NONE' },
        response,
      };
    },
    look: urlLook,
  },
  {
    row: 39,
    name: 'the address of a function no longer asks who calls, from wherever',
    before: async (aws) => {
      const name = await lambda(aws);
      const Cors = { AllowOrigins: ['https://shop.example'] };
      await aws('lambda', 'CreateFunctionUrlConfig', { FunctionName: name, AuthType: 'AWS_IAM', Cors });
      return { name };
    },
    names: ({ name }) => ({ event: 'lambda:UpdateFunctionUrlConfig', request: { functionName: name } }),
    attack: async (aws, { name }) => {
      const open = { AuthType: 'NONE', Cors: { AllowOrigins: ['*'] } };
      await aws('lambda', 'UpdateFunctionUrlConfig', { FunctionName: name, ...open });
      const request = { functionName: name, authType: 'NONE', cors: { allowOrigins: ['*'] } };
      return { event: 'lambda:UpdateFunctionUrlConfig', request, response: { authType: 'NONE', cors: request.cors } };
    },
    look: urlLook,
  },
];

const FUNCTIONS: readonly Attack[] = [
  {
    row: 39,
    name: 'the code of a function is another',
    before: async (aws) => ({ name: await lambda(aws) }),
    names: ({ name }) => ({ event: 'lambda:UpdateFunctionCode20150331v2', request: { functionName: name } }),
    attack: replaceCode,
    look: functionLook,
  },
  {
    row: 39,
    name: 'the code of a function that was not kept is another: it is stopped',
    before: async (aws) => {
      const name = await lambda(aws);
      // Whatever is fetched for this one is something else.
      await aws('lambda', 'UpdateFunctionCode', { FunctionName: name, ZipFile: gzipSync(Buffer.from(name)) });
      return { name };
    },
    names: ({ name }) => ({ event: 'lambda:UpdateFunctionCode20150331v2', request: { functionName: name } }),
    attack: replaceCode,
    look: async (aws, made) => {
      const { CodeSha256, Concurrency } = await functionLook(aws, made);
      return { CodeSha256, Concurrency };
    },
    becomes: () => ({
      CodeSha256: createHash('sha256').update(THEFT).digest('base64'),
      Concurrency: { ReservedConcurrentExecutions: 0 },
    }),
  },
  {
    row: 39,
    name: 'a function acts as another role, through a layer, with other settings',
    before: async (aws) => ({ name: await lambda(aws), role: await executor(aws), ...layerName(await layer(aws)) }),
    names: ({ name }) => ({ event: 'lambda:UpdateFunctionConfiguration20150331v2', request: { functionName: name } }),
    attack: async (aws, { name = '', role, layer: arn = '' }) => {
      const theirs = {
        Role: role,
        Layers: [arn],
        Environment: { Variables: { NODE_OPTIONS: '--require /opt/theft' } },
      };
      await aws('lambda', 'UpdateFunctionConfiguration', { FunctionName: name, ...theirs });
      return {
        event: 'lambda:UpdateFunctionConfiguration20150331v2',
        request: { functionName: arnOf(name), environment: {}, role, layers: [arn] },
        response: { functionName: name, environment: {}, role, layers: [{ arn, codeSize: 1 }] },
      };
    },
    look: functionLook,
  },
  {
    row: 39,
    name: 'a function runs through a layer',
    before: async (aws) => ({ name: await lambda(aws), ...layerName(await layer(aws)) }),
    names: ({ name }) => ({ event: 'lambda:UpdateFunctionConfiguration20150331v2', request: { functionName: name } }),
    attack: async (aws, { name = '', layer: arn = '' }) => {
      await aws('lambda', 'UpdateFunctionConfiguration', { FunctionName: name, Layers: [arn] });
      const theirs =
        'arn:aws:lambda:eugov-eastcentral-1r:712967571683:layer:stratus-red-team-lambda-layer-my-lambda-extension:1';
      return {
        event: 'lambda:UpdateFunctionConfiguration20150331v2',
        request: { functionName: arnOf(name), environment: {}, layers: [arn] },
        response: { functionName: name, environment: {}, layers: [{ arn, codeSize: 1 }] },
        recorded: {
          of: 'aws.persistence.lambda-layer-extension',
          names: { [theirs]: arn, 'stratus-red-team-lambda-layer-simpleLambda': name },
        },
      };
    },
    look: functionLook,
  },
];

function layerName({ name, version }: { readonly name: string; readonly version: string }): Made {
  return { layer: `arn:aws:lambda:us-east-1:${ACCOUNT}:layer:${name}:${version}` };
}

export const FUNCTION_ATTACKS: readonly Attack[] = [...PERMISSIONS, ...FUNCTIONS];
