"""The filters of core.formats. Built into every template."""

from django import template
from django.template.defaultfilters import stringfilter

from core import formats

register = template.Library()
register.filter("clip", stringfilter(formats.clip), is_safe=True)
for each in (
    formats.count,
    formats.exact,
    formats.days_left,
    formats.decimal,
    formats.money,
    formats.known_cost,
    formats.unpriced,
    formats.duration,
    formats.seconds,
    formats.percent,
    formats.signed,
    formats.signed_percent,
    formats.ago,
    formats.moment,
    formats.compact_id,
    formats.plural,
    formats.position,
    formats.extent,
    formats.indent,
    formats.plus,
    formats.half,
):
    register.filter(each.__name__, each)
