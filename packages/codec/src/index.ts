export { type CodecId, codecIds, decodeCrossing, encodeCrossing } from './crossing.js';
