/**
 * Two vocabularies of SentencePiece 0.2.2 (BPE with byte fallback, identity normalisation, 480 tokens, trained on 30,000
 * letters of the King James Bible, Shakespeare, the Brown corpus and Moby-Dick), and the ids that it gives to texts.
 */
export interface SentencePieceSample {
  readonly spaceBefore: boolean;
  /** Behind `<unk>`, `<s>`, `</s>`, `<turn>` and the 256 bytes; their scores are 0, -1, -2 and on. */
  readonly pieces: string;
  readonly texts: readonly (readonly [text: string, ids: readonly number[]])[];
}

export const sentencePieceSamples: readonly SentencePieceSample[] = [
  {
    spaceBefore: true,
    pieces: [
      'th ▁th ▁a in ▁h ▁w ▁the er ▁o is nd ▁s at re ▁b ou ve ▁t ▁and ▁f on or ▁of ▁c no en ▁m ▁that ▁in ▁d ▁l ed ing',
      'es ll ▁he it an ▁no ▁to om ▁is od ▁y us ▁G ▁be ▁ha ▁A ▁I ▁p ar ld im ▁W ▁not ▁e ▁we ▁g as ic ▁wh ▁God ▁his',
      '▁you ut eth ▁him ove ▁S ▁k ce al gh id ent ver le ion ▁for ir am ▁u ▁sh ther ▁T os ▁re ur ▁F ▁love ly ne ▁H',
      '▁com ith ▁Th el ro et ct if ea now ▁us ▁have to ght ▁know ON ill ▁tr ▁as ould ▁And ess ich ▁un ▁con ▁was ay',
      'ere ▁do ch ▁are all ore ▁Wh ▁hath il st ▁it ▁sp ▁wor ▁with ▁B ▁fr ▁but dy ive ▁C ist ment ▁all ▁this red ▁ch',
      '▁ye ▁man ▁Will ra aus ▁an ▁de ▁on ▁tru ation ▁comm ie ause ▁Son ▁from ▁them ▁which ep and est ter ▁ab ▁se ▁The',
      "cause ▁thou ▁unto ▁ e t o h a n i s r d l u m c f w , y g b v p . k A I : G ' N O S T W ; F H B - L C ? E Z x",
    ].join(' '),
    texts: [
      [
        'In the beginning God created the heaven and the earth.',
        [
          309, 440, 266, 306, 453, 263, 440, 292, 322, 283, 273, 272, 291, 266, 295, 439, 276, 440, 278, 266, 316, 311,
          260, 457,
        ],
      ],
      [
        '  two spaces,  then   three',
        [434, 434, 277, 450, 437, 392, 439, 448, 293, 451, 434, 266, 440, 434, 434, 261, 273, 435],
      ],
      [
        'Call me Ishmael. Some years ago--never mind how long precisely',
        [
          400, 385, 286, 435, 309, 442, 438, 447, 439, 357, 457, 329, 300, 435, 407, 311, 442, 262, 453, 437, 473, 473,
          352, 336, 286, 263, 444, 264, 437, 450, 290, 280, 453, 310, 273, 448, 269, 435, 351,
        ],
      ],
      [
        'naïve café — 漢字 😀',
        [
          434, 440, 439, 199, 179, 276, 283, 439, 449, 199, 173, 434, 230, 132, 152, 434, 234, 192, 166, 233, 177, 155,
          434, 244, 163, 156, 132,
        ],
      ],
      [
        'line one\nline two\n\n\tindented 2024',
        [
          290, 263, 435, 268, 352, 14, 445, 263, 435, 277, 450, 437, 14, 14, 13, 263, 444, 335, 291, 434, 54, 52, 54,
          56,
        ],
      ],
      ['The', [430]],
      [' The', [434, 430]],
      [
        'supercalifragilistic xyzzy 12345 %$#',
        [
          271, 446, 456, 267, 448, 332, 361, 410, 453, 389, 401, 320, 434, 479, 452, 126, 126, 452, 434, 53, 54, 55, 56,
          57, 434, 41, 40, 39,
        ],
      ],
    ],
  },
  {
    spaceBefore: false,
    pieces: [
      'th ▁th ▁a in ▁h ▁w ▁the er ▁o is nd ▁s at re ▁b ou ve ▁t ▁and ▁f on or ▁of ▁c no en ▁m ▁that ▁in ▁d ▁l ed ing',
      'es ll ▁he it an ▁no om ▁to ▁is od ▁y us ▁be ▁ha ▁p ar ld im ▁not ▁G ▁e ▁we ▁g as ic ▁wh ▁God ▁his ▁you ut eth',
      '▁him ove ▁k ce al gh id ent ver le ion ▁for ir am ▁u ther ▁I ▁sh os ▁re ur ▁love ly ne ▁com Th ith el ro et ct',
      'if ea to now ▁us ▁have ght ▁know ON ill ▁tr ▁as ould And ▁S ess AN ich ▁un ▁con ▁was ay ere ▁do Wh ch all ▁are',
      '▁F ore ▁hath il st ▁it ▁sp ▁wor ▁with ▁W ▁fr ▁but dy ive ist ment ▁this red ▁ch ▁ye ▁all ▁man ra aus ▁an ▁de',
      '▁C ▁on ▁tru ation ▁comm ie and ause ▁Son ▁from ▁them ▁which ep The est ter ▁ab ▁se cause ▁thou ▁unto AL ow se',
      "▁go ▁ e t o h a n i s r d l u m c f w , y g b v p . k A I : G ' N O S T W ; F H B - L C ? E Z x",
    ].join(' '),
    texts: [
      [
        'In the beginning God created the heaven and the earth.',
        [
          460, 440, 266, 305, 453, 263, 440, 292, 319, 283, 273, 272, 291, 266, 295, 439, 276, 440, 278, 266, 313, 308,
          260, 457,
        ],
      ],
      [
        '  two spaces,  then   three',
        [434, 277, 450, 437, 389, 439, 448, 293, 451, 434, 266, 440, 434, 434, 261, 273, 435],
      ],
      [
        'Call me Ishmael. Some years ago--never mind how long precisely',
        [
          475, 381, 286, 435, 340, 442, 438, 447, 439, 351, 457, 369, 299, 435, 402, 308, 442, 262, 453, 437, 473, 473,
          347, 332, 286, 263, 444, 264, 431, 290, 280, 453, 307, 273, 448, 269, 435, 346,
        ],
      ],
      [
        'naïve café — 漢字 😀',
        [
          440, 439, 199, 179, 276, 283, 439, 449, 199, 173, 434, 230, 132, 152, 434, 234, 192, 166, 233, 177, 155, 434,
          244, 163, 156, 132,
        ],
      ],
      [
        'line one\nline two\n\n\tindented 2024',
        [
          445, 263, 435, 268, 347, 14, 445, 263, 435, 277, 450, 437, 14, 14, 13, 263, 444, 331, 291, 434, 54, 52, 54,
          56,
        ],
      ],
      ['a<turn>b', [439, 3, 454]],
      ['The', [422]],
      [' The', [434, 422]],
      [
        'supercalifragilistic xyzzy 12345 %$#',
        [
          442, 446, 456, 267, 448, 328, 355, 405, 453, 386, 397, 317, 434, 479, 452, 126, 126, 452, 434, 53, 54, 55, 56,
          57, 434, 41, 40, 39,
        ],
      ],
    ],
  },
];
