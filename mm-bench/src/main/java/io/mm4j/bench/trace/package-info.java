// SPDX-License-Identifier: Apache-2.0

/** What tracing costs. */
@NullMarked
package io.mm4j.bench.trace;

import org.jspecify.annotations.NullMarked;
