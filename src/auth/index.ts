export {
  ANONYMOUS,
  type AnonymousCaller,
  type Caller,
  callerKey,
  hasRole,
  type ServiceCaller,
  serviceCaller,
  type UserCaller,
} from './caller.ts'
export { createKeySet, type KeySet, type KeySetOptions } from './key-set.ts'
export { generateSigningKey, jwks, type PrivateJwk, type PublicJwk, type SigningKey, signingKeyAt } from './keys.ts'
export {
  createPasswords,
  hashPassword,
  type Passwords,
  passwordFault,
  passwordLoad,
  verifyPassword,
} from './passwords.ts'
export { issueRefreshToken, type RefreshClaims, readRefreshToken } from './refresh-tokens.ts'
export {
  type AccessClaims,
  createTokenVerifier,
  type IssueOptions,
  issueAccessToken,
  type TokenVerifier,
  type VerifierOptions,
} from './tokens.ts'
