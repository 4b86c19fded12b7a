import './dispose.js';
import './no-eval.js';
import { chatView } from '../chat/chat-view.js';
import { offerFleet } from '../fleet/offer-fleet.js';
import { splitView } from '../split/split-view.js';
import { Connection } from './connection.js';
import { showConnection } from './connection-line.js';
import { byId } from './elements.js';
import { showViews } from './show-views.js';
import { takeToken } from './token.js';
import type { View } from './view.js';

/** All parts of the page, in the order in which they stand. */
const views: readonly View[] = [splitView, chatView];

const url = new URL('wire', location.href.replace(/^http/, 'ws').replace(/[?#].*$/, '')).href;
const token = takeToken(window);
const connection = new Connection({ url, token, name: 'page' });
showConnection(connection, byId('connection'));
showViews(views, { connection, token }, byId('main'));
offerFleet(connection, byId('main'));
addEventListener('online', () => connection.retryNow());
