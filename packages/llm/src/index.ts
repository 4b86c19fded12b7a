export {
  type DecoderConfig,
  type DecoderFamily,
  decoderFamilies,
  type LayerAttention,
  type Rope,
  type RopeScaling,
} from './architecture/decoder-config.js';
export {
  type BlockBits,
  type BlockSize,
  type FileSpan,
  type LayerWeightName,
  manifestName,
  type PackageFile,
  type PackageManifest,
  type PackagePart,
  packageFormat,
  packageVersion,
  type StoredWeight,
} from './package/package-manifest.js';
