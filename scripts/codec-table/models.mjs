// What the tables of docs/codecs.md are of: models, cuts and codecs. Specs are canonical, as `calibrate` prints them.

const normalised = { input: 'input', scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const resize = { shortSide: 256 };

/** Pictures of the input, for cut 0. */
const pictures = [
  'raw',
  'image:format=jpeg,quality=95,chroma=444',
  'image:format=jpeg,quality=95',
  'image:format=jpeg,quality=75',
  'image:format=jpeg,quality=50',
  'image:format=webp,quality=97',
  'image:format=webp,quality=90',
  'image:format=webp,quality=75',
  'image:format=avif,quality=70',
];

/** Codecs at every other cut. */
const codecs = [
  'raw',
  'f16',
  'bf16',
  'affine:bits=8,per=tensor+rans',
  'affine:bits=6,per=channel+rans',
  'affine:bits=4,per=tensor+rans',
  'affine:bits=4,per=channel',
  'affine:bits=4,per=channel+rans',
  'affine:bits=4,per=token',
  'affine:bits=4,per=token+rans',
  'affine:bits=3,per=channel+rans',
  'affine:bits=3,per=token+rans',
  'ts-tabq:delta=0.001,rho=0.001,max=8,token=position+rans',
  'ts-tabq:delta=0.01,rho=0.001,max=8,token=position+rans',
  'ts-tabq:delta=0.03,rho=0.001,max=8,token=position+rans',
  'sparse+affine:bits=6,per=tensor+rans',
  'topk:keep=0.2+affine:bits=6,per=tensor+rans',
  'transform:step=0.1',
  'transform:step=0.15',
  'transform:step=0.2',
  'transform:step=0.25',
  'transform:step=0.3',
  'transform:step=0.4',
  'transform:step=0.5',
  'transform:step=0.6',
  'transform:step=0.65',
];

const input = { index: 0, codecs: pictures };
const tabq = (delta, rest) => `ts-tabq:delta=${delta},rho=0.001,max=8,token=${rest}`;
/** A cut, with the deltas by which `ts-tabq` takes about as many bytes as an `affine` of 4 bits, and of 3. */
const cut = (index, shape, [bare, four, three], more = []) => {
  const equal = [tabq(bare, 'position'), tabq(four, 'channel+rans'), tabq(three, 'channel+rans')];
  return { index, shape, codecs: [...codecs, ...more, ...equal] };
};

export const models = [
  {
    file: 'mobilenet_v2_f32.onnx',
    data: 'data/imagenet_400',
    preprocessing: { ...normalised, resize },
    cuts: [
      { ...input, shape: '224x224x3' },
      cut(46, '32x28x28', [0.02, 0.047, 0.02], ['transform:step=0.32']),
      cut(76, '64x14x14', [0.027, 0.034, 0.054]),
      cut(120, '160x7x7', [0.035, 0.024, 0.2]),
    ],
  },
  {
    file: 'resnet56_cifar10.onnx',
    data: 'data/cifar10_1000_nhwc_u8.bin',
    preprocessing: normalised,
    cuts: [{ ...input, shape: '32x32x3' }, cut(144, '64x8x8', [0.0085, 0.0052, 0.049])],
  },
  {
    file: 'tiny_darknet.onnx',
    data: 'data/imagenet_400',
    unlabelled: 'Its classes have an order of their own, so only agreement counts.',
    preprocessing: { input: 'input', scale: 1 / 255, resize },
    cuts: [{ ...input, shape: '224x224x3' }, cut(47, '64x14x14', [0.012, 0.017, 0.042])],
  },
];
