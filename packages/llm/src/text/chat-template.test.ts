import { describe, expect, it } from 'vitest';
import type { ChatMessage } from './chat-template.js';
import { chatTemplateOf } from './watched-text.js';

/** The shape of most templates (ChatML), with a refusal and a variable of its own. */
const chatml = `{{ bos_token }}{% for message in messages %}
{% if message.role not in ['system', 'user', 'assistant'] %}{{ raise_exception('No role ' + message.role) }}{% endif %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' + '\\n' -}}
{% endfor %}
{% if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and not enable_thinking %}{{ '<think></think>' }}{% endif %}{% endif %}`;
const conversation: ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: ' Who? ' },
];
const refused = expect.objectContaining({ code: 'CUT_CHAT_TEMPLATE' });

describe('a chat template', () => {
  it('writes a conversation as the model expects it', () => {
    const template = chatTemplateOf({ bos_token: '<s>', chat_template: chatml }, undefined);
    const start = '<s><|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWho?<|im_end|>\n';
    expect(template?.render(conversation)).toBe(`${start}<|im_start|>assistant\n`);
    expect(template?.render(conversation, { addGenerationPrompt: false })).toBe(start);
    const variables = { enable_thinking: false };
    expect(template?.render(conversation, { variables })).toBe(`${start}<|im_start|>assistant\n<think></think>`);
  });

  it('comes from chat_template.jinja first, then by name or as text from tokenizer_config.json', () => {
    const named = [
      { name: 'tool_use', template: 'tools' },
      { name: 'default', template: '{{ eos_token }}' },
    ];
    const config = { eos_token: { content: '</s>', lstrip: false }, chat_template: named };
    expect(chatTemplateOf(config, undefined)?.render([])).toBe('</s>');
    expect(chatTemplateOf(config, 'file')?.render([])).toBe('file');
    expect(chatTemplateOf({ ...config, chat_template: [named[0]] }, undefined)).toBeUndefined();
    expect(chatTemplateOf({}, undefined)).toBeUndefined();
  });

  it('says why it refuses a conversation', () => {
    const template = chatTemplateOf({ chat_template: chatml }, undefined);
    expect(() => template?.render([{ role: 'tool', content: '' }])).toThrow(refused);
    expect(() => template?.render([{ role: 'tool', content: '' }])).toThrow(/No role tool/);
  });

  it('is refused where it is no Jinja, or too long', () => {
    expect(() => chatTemplateOf({}, '{% for %}')).toThrow(refused);
    expect(() => chatTemplateOf({}, 'x'.repeat(2 ** 18 + 1))).toThrow(refused);
    expect(() => chatTemplateOf({ chat_template: 5 }, undefined)).toThrow(
      expect.objectContaining({ code: 'CUT_TOKENIZER' }),
    );
  });

  it('is stopped where it takes too long, loops in loops or one endless list alike', () => {
    const loops = '{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}';
    for (const source of [loops, '{{ range(100000000000) | length }}']) {
      const template = chatTemplateOf({}, source, { mostMs: 50 });
      expect(() => template?.render([])).toThrow(/more than 50 ms/);
    }
  });

  it('is stopped where it writes too much', () => {
    const doubling =
      "{% set all = namespace(text='x') %}{% for i in range(24) %}{% set all.text = all.text + all.text %}";
    const template = chatTemplateOf({}, `${doubling}{% endfor %}{{ all.text }}`);
    expect(() => template?.render([])).toThrow(/wrote 16777216 characters/);
  });

  it('reaches nothing but its variables', () => {
    for (const source of [
      '{{ messages.constructor }}',
      '{{ process.env }}',
      "{{ ''.constructor.constructor('x')() }}",
    ]) {
      const template = chatTemplateOf({}, source);
      let text = '';
      try {
        text = template?.render([]) ?? '';
      } catch (thrown) {
        expect(thrown).toEqual(refused);
      }
      expect(text).toBe('');
    }
  });
});
