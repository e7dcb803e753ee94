// The certified OpenID provider `oidc-provider`, with people whose names are their passwords, for tests alone.
//
//   node provider.mjs PORT REDIRECT_URI SECRET
//
// Its own development pages ask for name and consent. Groups are told at the UserInfo endpoint, as it prefers.
import Provider from 'oidc-provider';

const [port, redirectUri, secret] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const groups = {
  mia: ['managers'], ada: ['risk'], sam: ['security'], otto: ['audit'], dev: ['acme'], eve: [],
};

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'release-gateway',
    client_secret: secret,
    redirect_uris: [redirectUri],
    response_types: ['code'],
    grant_types: ['authorization_code'],
  }],
  claims: { openid: ['sub', 'groups'], profile: ['name', 'preferred_username'] },
  pkce: { required: () => true },
  cookies: { keys: ['for tests alone'] },
  ttl: { Session: 3600, Interaction: 600, Grant: 3600 },
  async findAccount(ctx, id) {
    return {
      accountId: id,
      claims: async () => ({ sub: id, name: `${id} of the tests`, preferred_username: id, groups: groups[id] ?? [] }),
    };
  },
});

provider.listen(Number(port), '127.0.0.1', () => console.log(`ready at ${issuer}`));
