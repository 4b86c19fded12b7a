import './dispose.js';
import './no-eval.js';
import { chatView } from '../chat/chat-view.js';
import { offerFleet } from '../fleet/offer-fleet.js';
import { Connection } from './connection.js';
import { showConnection } from './connection-line.js';
import { byId } from './elements.js';
import { showViews } from './show-views.js';
import { takeToken } from './token.js';
import type { View } from './view.js';

/** All parts of the page, in the order in which they stand. */
const views: readonly View[] = [chatView];

const url = new URL('wire', location.href.replace(/^http/, 'ws').replace(/[?#].*$/, '')).href;
const connection = new Connection({ url, token: takeToken(window), name: 'page' });
showConnection(connection, byId('connection'));
showViews(views, connection, byId('main'));
offerFleet(connection, byId('main'));
addEventListener('online', () => connection.retryNow());
