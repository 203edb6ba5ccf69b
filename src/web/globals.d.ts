// The page loads both libraries by <script>; these are the parts it uses, with the libraries' own types.
declare const Hls: typeof import('hls.js').default;
declare type Hls = import('hls.js').default;
declare const tus: typeof import('tus-js-client');
