// SPDX-License-Identifier: Apache-2.0

/** What {@code mm run} shows of a replayed page trace: one screen, tables, a time series. */
@NullMarked
package io.mm4j.cli.face;

import org.jspecify.annotations.NullMarked;
