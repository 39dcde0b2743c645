// SPDX-License-Identifier: Apache-2.0

/**
 * Events of plugins ({@link io.mm4j.trace.Tracer}) and where they go ({@link
 * io.mm4j.trace.TraceSink}).
 */
@NullMarked
package io.mm4j.trace;

import org.jspecify.annotations.NullMarked;
